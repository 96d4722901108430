"""Brings the World Development Indicators to raw, byte for byte, when there is something new.

From: a ZIP file at an HTTP address, which holds WDICSV.csv
To:   s3a://raw/wdi/<date>/<host>/<checksum>/WDICSV.csv  a version each; none is ever written over
      yard.raw.wdi_ingest_downloads                      which download began, landed, was the same as before, or failed

Asked is on condition: where the server knows our ETag it says that nothing is new, and nothing is written. What comes is checked before
raw sees any of it: its length, the checksums inside the ZIP, and that there is something in it. What is in it says whether it is new: a
server may pack the same anew, or give new content an old ETag, so that now and then (--recheck-days) nothing is asked on condition. A run
that finds another one at the same download leaves it to that one.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

import jobfiles
import jobkit
import rawstore
import webfetch

DOWNLOADS = "yard.raw.wdi_ingest_downloads"
COLUMNS = (
    "url STRING, state STRING, etag STRING, changed STRING, sha256 STRING, size BIGINT, uri STRING, run_id STRING, reason STRING, "
    "at TIMESTAMP"
)
MEMBER = "WDICSV.csv"
AT_ONCE = 1 << 20


def last_landed(spark: SparkSession, url: str) -> Row | None:
    """What was last found there, new or the same."""
    found = spark.table(DOWNLOADS).where((F.col("url") == url) & F.col("state").isin("landed", "same"))
    return found.orderBy(F.desc("at")).head()


def condition(last: Row | None, recheck_days: int) -> dict[str, str]:
    """Headers that ask for something new only; none where the last look at the content itself is long ago."""
    if last is None or time.time() - last.at.timestamp() > recheck_days * 24 * 3600:
        return {}
    asked = {"If-None-Match": last.etag, "If-Modified-Since": last.changed}
    return {name: value for name, value in asked.items() if value}


def note(spark: SparkSession, args: argparse.Namespace, job: jobkit.Job, state: str, **told: Any) -> None:
    names = [column.split()[0] for column in COLUMNS.split(", ")[:-1]]
    values = {"url": args.url, "state": state, "run_id": job.run_id} | told
    row = spark.createDataFrame([tuple(values.get(name) for name in names)], COLUMNS.rpartition(", ")[0])
    jobfiles.retry_conflicts(lambda: jobfiles.append_rows(row.select("*", F.current_timestamp().alias("at")).coalesce(1), DOWNLOADS, job))


def claim(spark: SparkSession, args: argparse.Namespace, job: jobkit.Job) -> str:
    """Say that a download begins; the run that began one before and has not ended it, or nothing. In the version that our own word made
    stand the words of all who were quicker."""
    note(spark, args, job, "begun")
    spark.sql(f"REFRESH TABLE {DOWNLOADS}")
    words = spark.table(f"{DOWNLOADS}.snapshots").where(F.col("summary")["sparkyard.run-id"] == job.run_id)
    own = words.orderBy(F.desc("committed_at")).head()  # a try before this one had the same id
    rows = spark.read.option("versionAsOf", own.snapshot_id).table(DOWNLOADS).where(F.col("url") == args.url)
    fresh = F.unix_seconds("at") > int(time.time()) - 2 * args.timeout
    states = (
        rows.where(F.col("run_id") != job.run_id).groupBy("run_id").agg(F.max_by("state", "at").alias("state"), F.max("at").alias("at"))
    )
    other = states.where((F.col("state") == "begun") & fresh).head()
    return str(other.run_id) if other else ""


def download(spark: SparkSession, last: Row | None, answer: webfetch.Answer, args: argparse.Namespace, job: jobkit.Job) -> None:
    with tempfile.TemporaryFile() as file:
        with job.phase("download"):
            size = answer.save(file, args.timeout)
        with job.phase("check"):
            digest = webfetch.find_digest(file, MEMBER, args.url)
        told = {"etag": answer.header("ETag"), "changed": answer.header("Last-Modified"), "sha256": digest, "size": size}
        job.facts |= {"bytes": size, "sha256": digest}
        if last and last.sha256 == digest:
            note(spark, args, job, "same", uri=last.uri, **told)
            job.facts["nothing_new"] = "the content is that of before, whatever its ETag"
            return
        if last and last.etag and last.etag == told["etag"]:
            job.facts["etag_is_wrong"] = "the content is new, its ETag is not: the next run asks without it"
            told["etag"] = told["changed"] = None
        with job.phase("land"):
            uri = land(spark, file, digest, args)
        note(spark, args, job, "landed", uri=uri, **told)
        job.rows["written"] = 1
        job.facts["landed"] = uri


def land(spark: SparkSession, file: Any, digest: str, args: argparse.Namespace) -> str:
    source, today = urlsplit(args.url).hostname or "unknown", datetime.now(UTC).date()
    store, key = rawstore.open_store(spark, args.to), f"{today}/{source}/{digest[:12]}/{MEMBER}"
    with webfetch.open_member(file, MEMBER, args.url) as (member, size), rawstore.sink(store, key, size) as sink:
        while data := webfetch.read_part(member, AT_ONCE, args.url):
            sink.write(data)
        sink.complete()
    return f"{args.to.rstrip('/')}/{key}"


def compute(spark: SparkSession, args: argparse.Namespace, job: jobkit.Job) -> None:
    with job.phase("ask"):
        jobfiles.ensure_tables(spark, {DOWNLOADS: (COLUMNS, "")})
        spark.sql(f"REFRESH TABLE {DOWNLOADS}")
        last = last_landed(spark, args.url)
        answer = webfetch.ask(args.url, condition(last, args.recheck_days), args.patience)
    with answer:
        if answer.status == 304:
            job.facts["nothing_new"] = "the server says so"
            return
        rawstore.sweep(spark, args.to, job)  # not each time: what is left goes at the latest where nothing is asked on condition
        if other := claim(spark, args, job):
            note(spark, args, job, "left", reason=other)
            job.facts["nothing_new"] = f"left to {other}, which is at it"
            return
        try:
            download(spark, last, answer, args, job)
        except Exception as error:
            note(spark, args, job, "failed", reason=jobkit.explain(error)[:500])
            raise


def arguments() -> argparse.ArgumentParser:
    parser = jobkit.Arguments("wdi-ingest", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, type=webfetch.address, help="where the ZIP file is, http:// or https://")
    parser.add_argument("--to", default="s3a://raw/wdi", help="where the dates' folders are made")
    parser.add_argument("--patience", type=jobkit.whole(1, 600), default=30, help="seconds without a byte before the server is given up")
    parser.add_argument("--timeout", type=jobkit.whole(1, 24 * 3600), default=900, help="seconds that a download may take in all")
    parser.add_argument("--recheck-days", type=jobkit.whole(0, 365), default=7, help="after so many days an ETag is not believed")
    return parser


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobkit.run("wdi-ingest", arguments(), compute, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
