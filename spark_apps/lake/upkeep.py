"""Upkeep of the lake's tables: small files into large ones, old snapshots and files nobody refers to away.

From: every table of yard.trusted and yard.refined, or those named
To:   the same tables with the same rows

Rows never change. A snapshot is kept for --keep-days, and the last --keep-snapshots of a table for ever: that is how far time travel and
a restored backup of the catalog reach. A file that no snapshot refers to goes when it is older than --orphan-days: a writer that still
works must have committed by then. --dry-run tells what would be done and does nothing. A table that somebody else writes at the same time
is left for the next run, and said.
"""

import argparse
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

import jobkit

NAMESPACES = ("yard.trusted", "yard.refined")
MIB = 1024 * 1024
SMALL = 0.75  # of the target: what the table format takes for too small
COLUMNS = ["table", "small_files", "rewritten_to", "snapshots_expired", "files_removed"]
BUSY = "CommitFailedException|ValidationException|conflicting"


def list_tables(spark: SparkSession) -> list[str]:
    spaces = {f"yard.{row.namespace}" for row in spark.sql("SHOW NAMESPACES IN yard").collect()} & set(NAMESPACES)
    return sorted(f"{space}.{row.tableName}" for space in spaces for row in spark.sql(f"SHOW TABLES IN {space}").collect())


def choose_tables(spark: SparkSession, wanted: Sequence[str]) -> list[str]:
    there = list_tables(spark)
    if missing := sorted(set(wanted) - set(there)):
        raise jobkit.InputError(f"no such table: {', '.join(missing)}; there are: {', '.join(there) or 'none'}")
    return sorted(wanted) or there


def count_small(spark: SparkSession, table: str, args: argparse.Namespace) -> int:
    """Files that a rewrite would take: too small, and enough of them in one partition to be worth it."""
    small = spark.table(f"{table}.files").where(F.col("file_size_in_bytes") < SMALL * args.target_mib * MIB)
    by_partition = small.groupBy([column for column in ("partition",) if column in small.columns])
    worth = by_partition.agg(F.count("*").alias("files")).where(F.col("files") >= args.min_files)
    return int(worth.agg(F.coalesce(F.sum("files"), F.lit(0))).collect()[0][0])


def rewrite(spark: SparkSession, table: str, args: argparse.Namespace) -> tuple[int, int]:
    """Small files read and large ones written; a rewrite that changed the number of rows fails the job."""
    options = {"target-file-size-bytes": args.target_mib * MIB, "min-input-files": args.min_files}
    pairs = ", ".join(f"'{name}', '{value}'" for name, value in options.items())
    done = call(spark, "rewrite_data_files", table, f"options => map({pairs})")[0]
    if done.rewritten_data_files_count:
        [last] = spark.sql(
            f"SELECT summary FROM {table}.snapshots WHERE operation = 'replace' ORDER BY committed_at DESC LIMIT 1"
        ).collect()
        if last.summary["added-records"] != last.summary["deleted-records"]:
            raise jobkit.JobError(f"{table}: the rewrite changed the number of rows: {last.summary}")
    return done.rewritten_data_files_count, done.added_data_files_count


def count_old(spark: SparkSession, table: str, before: datetime, keep: int) -> int:
    """Snapshots that expiry would take: old, and not among the last."""
    rows = spark.table(f"{table}.snapshots").orderBy(F.desc("committed_at")).select(F.unix_seconds("committed_at").alias("at")).collect()
    return sum(row["at"] < before.timestamp() for row in rows[keep:])


def call(spark: SparkSession, procedure: str, table: str, *more: str) -> list[Row]:
    named = f"table => '{table.removeprefix('yard.')}'"
    return spark.sql(f"CALL yard.system.{procedure}({', '.join([named, *more])})").collect()


def moment(when: datetime) -> str:
    return f"TIMESTAMP '{when:%Y-%m-%d %H:%M:%S}+00:00'"


def tend(spark: SparkSession, table: str, args: argparse.Namespace, now: datetime) -> list[Any]:
    """One table; in a dry run the same figures without the deeds."""
    old, lost = now - timedelta(days=args.keep_days), now - timedelta(days=args.orphan_days)
    small, written = (count_small(spark, table, args), 0) if args.dry_run else rewrite(spark, table, args)
    expired = count_old(spark, table, old, args.keep_snapshots)
    if expired and not args.dry_run:
        call(spark, "expire_snapshots", table, f"older_than => {moment(old)}", f"retain_last => {args.keep_snapshots}")
    orphans = call(spark, "remove_orphan_files", table, f"older_than => {moment(lost)}", f"dry_run => {str(args.dry_run).lower()}")
    return [table, small, written, expired, len(orphans)]


def compute(spark: SparkSession, args: argparse.Namespace, job: jobkit.Job) -> None:
    now, rows, busy = datetime.now(UTC), [], []
    for table in choose_tables(spark, args.table):
        with job.phase(table):
            try:
                rows.append(tend(spark, table, args, now))
            except Exception as error:
                if not re.search(BUSY, str(error)):
                    raise
                busy.append(table)
    totals = {name: sum(row[index] for row in rows) for index, name in enumerate(COLUMNS) if index}
    job.facts |= {"dry_run": args.dry_run, "tables_seen": len(rows), **totals} | ({"written_by_others": busy} if busy else {})
    job.highlights = [COLUMNS, *[row for row in rows if any(row[1:])][:20]]


def arguments() -> argparse.ArgumentParser:
    parser = jobkit.Arguments("lake-upkeep", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="append", default=[], help="yard.<layer>.<name>, again for more; all of them without")
    parser.add_argument("--dry-run", action="store_true", help="tell what would be done, and do nothing")
    parser.add_argument("--target-mib", type=jobkit.whole(1, 4096), default=128, help="size of a file to aim at")
    parser.add_argument("--min-files", type=jobkit.whole(2, 10_000), default=5, help="small files in a partition worth a rewrite")
    parser.add_argument("--keep-days", type=jobkit.whole(1, 3650), default=7, help="days that every snapshot is kept")
    parser.add_argument("--keep-snapshots", type=jobkit.whole(1, 1000), default=5, help="so many of the last snapshots are kept for ever")
    parser.add_argument("--orphan-days", type=jobkit.whole(2, 3650), default=3, help="age of a file that no snapshot refers to")
    return parser


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobkit.run("lake-upkeep", arguments(), compute, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
