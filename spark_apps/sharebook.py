"""The book of what has landed from shares: which version of which file, when, and which has vanished since."""

import argparse
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import jobfiles
from jobkit import Job
from sharecopy import Wanted

FILES = "yard.raw.share_land_files"
COLUMNS = (
    "share STRING, path STRING, size BIGINT, modified BIGINT, sha256 STRING, state STRING, uri STRING, run_id STRING, loaded TIMESTAMP"
)
TABLES = {FILES: (COLUMNS, "share")}


class Known(NamedTuple):
    size: int
    modified: int
    sha256: str
    state: str  # landed, vanished; copying: raw may hold what was known, or a version that nobody noted
    key: str  # its place in raw


Book = Mapping[str, Known]


def read_book(spark: SparkSession, args: argparse.Namespace) -> Book:
    """What was last noted of each file."""
    key = F.expr(f"substring(uri, {len(args.to) + 2})")
    last = F.max_by(F.struct("size", "modified", "sha256", "state", key), "loaded").alias("last")
    return {row.path: Known(*row.last) for row in of_place(spark.table(FILES), args).groupBy("path").agg(last).collect()}


def read_paths(spark: SparkSession, args: argparse.Namespace, since: int | None, run_id: str) -> set[str]:
    """What other runs have noted since a version of the book."""
    spark.sql(f"REFRESH TABLE {FILES}")
    rows = spark.read.option("start-snapshot-id", str(since)).table(FILES) if since else spark.table(FILES)
    return {row.path for row in of_place(rows, args).where(F.col("run_id") != run_id).select("path").distinct().collect()}


def of_place(rows: DataFrame, args: argparse.Namespace) -> DataFrame:
    return rows.where((F.col("share") == args.share) & F.col("uri").startswith(f"{args.to}/"))


def current_version(spark: SparkSession) -> int | None:
    spark.sql(f"REFRESH TABLE {FILES}")
    main = spark.table(f"{FILES}.refs").where("name = 'main'").head()
    return int(main.snapshot_id) if main else None


def note(spark: SparkSession, files: Sequence[tuple[Wanted, str, str]], args: argparse.Namespace, job: Job) -> None:
    """Enter files into the book, each with its state and hash: from now on they are known."""
    rows = [
        (args.share, file.path, file.size, file.modified, sha256, state, f"{args.to}/{file.key}", job.run_id)
        for file, state, sha256 in files
    ]
    columns = COLUMNS.rpartition(", ")[0]
    entry = spark.createDataFrame(rows, columns).select("*", F.current_timestamp().alias("loaded"))
    jobfiles.retry_conflicts(lambda: jobfiles.append_rows(entry.coalesce(1), FILES, job))
