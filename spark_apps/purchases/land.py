"""Lands daily snapshots of purchases, products and users: CSV files to typed tables, a day as a whole.

From: CSV files with the headers of purchasekit, purchases*.csv, products*.csv and users*.csv under <input>/<YYYY-MM-DD>/
To:   yard.trusted.purchases_land_purchases, …_products, …_users  the rows of each day that keep the rules
      yard.trusted.purchases_land_quarantine                      every line that is no row, with reason and source file
      yard.trusted.purchases_land_days                            which files a day was made of, by which run

A run lands the days whose files are new or changed, late ones and corrected ones too, and replaces what the tables say of these days, or
with --date that day alone. A day that lacks a list is left for a later run and told: an empty list would say that everything is gone. One
broken line fails the run, unless --max-rejected allows for more: to the history a row that is rejected is a row that is gone.
"""

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import reduce
from itertools import product
from typing import Any

from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

import jobanswers
import jobfiles
import jobkit
import jobrejects
import purchasekit
from purchasekit import DAYS, LISTS
from purchaselines import parse

QUARANTINE = "yard.trusted.purchases_land_quarantine"
TABLES = {kind.landed: (f"date DATE, {kind.declared}", "date") for kind in LISTS} | {
    QUARANTINE: ("date DATE, line STRING, reason STRING, source_file STRING", "date"),
    DAYS: ("date DATE, files STRING, read BIGINT, rejected BIGINT, run_id STRING, loaded TIMESTAMP", ""),
}
FILE = re.compile(rf"/(\d{{4}}-\d\d-\d\d)/({'|'.join(kind.name for kind in LISTS)})[^/]*\.csv(?:\.gz)?$")
Snapshots = dict[date, dict[str, list[Row]]]


def find_days(spark: SparkSession, args: argparse.Namespace, job: jobkit.Job) -> Snapshots:
    """The days asked for whose files are not those that they were made of."""
    found: Snapshots = defaultdict(lambda: defaultdict(list))
    for file in sorted(jobfiles.list_files(spark, args.input).collect(), key=lambda file: file.path):
        with suppress(ValueError):  # 2024-02-30 is no day
            if place := FILE.search(file.path):
                found[date.fromisoformat(place[1])][place[2]].append(file)
    found = {day: found[day] for day in sorted(found) if args.date in (None, day)}
    left = {day: why for day in found if (why := why_not(day, found[day]))}
    tell_left(found, left, args, job)
    last = spark.table(DAYS).groupBy("date").agg(F.max_by("files", "loaded").alias("files"))
    known = {row.date: row.files for row in last.collect()}
    new = {day: files for day, files in found.items() if day not in left and known.get(day) != fingerprint(files)}
    job.facts |= {"days_new": len(new), "days_known": len(found) - len(left) - len(new)}
    return new


def why_not(day: date, files: Mapping[str, Sequence[Row]]) -> str:
    missing = [kind.name for kind in LISTS if kind.name not in files]
    return "that day has not come yet" if day > datetime.now(UTC).date() else f"there is no {', no '.join(missing)}" if missing else ""


def tell_left(found: Snapshots, left: Mapping[date, str], args: argparse.Namespace, job: jobkit.Job) -> None:
    """A warning, or an error where no day is left to land."""
    told = "; ".join(f"{day}: {why}" for day, why in left.items())
    if len(left) == len(found):
        asked = f" of {args.date}" if args.date else ""
        raise jobkit.InputError(f"{args.input}: no snapshot{asked} in <day>/{{purchases,products,users}}*.csv. {told}".rstrip())
    if left:
        job.facts["days_left"] = told
        print(f"WARNING: {len(left)} days are left for a later run: {told}", flush=True)


def fingerprint(files: Mapping[str, Sequence[Row]]) -> str:
    told = [(kind.name, [(file.source_file, file.size, file.modified) for file in files[kind.name]]) for kind in LISTS]
    return jobanswers.hash_asked(told, [])


def count(parsed: Mapping[str, DataFrame], days: Snapshots, job: jobkit.Job) -> tuple[Counter[str], dict[date, tuple[int, int]]]:
    """Rejected rows by reason, and by day those read and rejected."""
    files = [rows.groupBy("source_file", "date", "reason").count().withColumn("list", F.lit(name)) for name, rows in parsed.items()]
    counted = reduce(DataFrame.union, files).collect()
    check_whole(counted, days)
    read, rejected, reasons = Counter[date](), Counter[date](), Counter[str]()
    for row in (row for row in counted if row.reason != jobrejects.HEADER):
        read[row.date] += row["count"]
        rejected[row.date] += row["count"] * bool(row.reason)
        reasons.update({row.reason: row["count"]} if row.reason else {})
    job.rows |= {"read": read.total(), "rejected": rejected.total()}
    return reasons, {day: (read[day], rejected[day]) for day in days}


def check_whole(counted: Sequence[Row], days: Snapshots) -> None:
    """Each file has its header, each list of a day has rows."""
    headed = {row.source_file for row in counted if row.reason == jobrejects.HEADER}
    filled = {(row.date, row.list) for row in counted if row.reason != jobrejects.HEADER}
    for day, kind in product(days, LISTS):
        for file in (file for file in days[day][kind.name] if file.source_file not in headed):
            raise jobkit.InputError(f"{file.source_file}: no line is its header {kind.header}. No table was touched.")
        if (day, kind.name) not in filled:
            raise jobkit.InputError(f"{day}: no row of {kind.name}; is the file whole? No table was touched.")


def load(spark: SparkSession, days: Snapshots, args: argparse.Namespace, job: jobkit.Job) -> None:
    job.versions = jobfiles.current_versions(spark, TABLES)
    files = {kind: [file for day in days.values() for file in day[kind.name]] for kind in LISTS}
    parsed = {kind.name: parse(jobfiles.read_lines(spark, files[kind]), kind).persist() for kind in LISTS}
    try:
        with job.phase("check lines"):
            reasons, by_day = count(parsed, days, job)
        write(spark, parsed, reasons, F.col("date").isin(*days), args, job)
    finally:
        for rows in parsed.values():
            rows.unpersist()
    with job.phase("note days"):
        entries = [(day, fingerprint(of), *by_day[day], job.run_id) for day, of in days.items()]
        book = spark.createDataFrame(entries, TABLES[DAYS][0].rpartition(", ")[0]).select("*", F.current_timestamp().alias("loaded"))
        jobfiles.retry_conflicts(lambda: jobfiles.append_rows(book.coalesce(1), DAYS, job))


def write(
    spark: SparkSession, parsed: Mapping[str, DataFrame], reasons: Counter[str], these: Column, args: argparse.Namespace, job: jobkit.Job
) -> None:
    with job.phase("quarantine"):
        if reasons or not spark.table(QUARANTINE).where(these).isEmpty():
            rejects = [rows.where(F.col("reason") != jobrejects.HEADER) for rows in parsed.values()]
            kept = [rows.select("date", "line", "reason", "source_file") for rows in rejects]
            jobfiles.replace_rows(reduce(DataFrame.union, kept), QUARANTINE, these, job)
            job.facts["rejected_because"] = dict(reasons)
        jobrejects.check_share(reasons, args.max_rejected, QUARANTINE, job)
    with job.phase("write"):
        for kind in LISTS:
            good = parsed[kind.name].where(F.col("reason").isNull()).select("date", *kind.columns)
            jobfiles.replace_rows(good, kind.landed, these, job)
            job.rows["written"] += jobfiles.read_anew(spark, kind.landed).where(these).count()
        job.check("rows read = rejected + written", job.rows["read"] == job.rows["rejected"] + job.rows["written"])


def compute(spark: SparkSession, args: argparse.Namespace, job: jobkit.Job) -> None:
    def attempt() -> None:
        job.tables.clear()
        job.rows["written"] = 0
        with job.phase("find days"):
            jobfiles.ensure_tables(spark, TABLES)
            days = find_days(spark, args, job)
        if days:
            load(spark, days, args, job)

    jobfiles.retry_conflicts(attempt)


def arguments() -> argparse.ArgumentParser:
    parser = jobkit.Arguments("purchases-land", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", required=True, help="the folder that holds a folder YYYY-MM-DD for each day, as a URI")
    parser.add_argument("--date", type=jobkit.day(purchasekit.EARLIEST), help="that day alone; without, every day that is new or changed")
    parser.add_argument("--max-rejected", type=jobkit.share, default=0.0, help="share of lines that may be no rows, 0 to 1")
    return parser


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobkit.run("purchases-land", arguments(), compute, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
