"""Upkeep of the lake's tables: small files into large ones, old snapshots and files nobody refers to away.

From: every table of yard.trusted and yard.refined, or those named
To:   the same tables with the same rows

Rows never change. Those of a table with an order (`ALTER TABLE … WRITE LOCALLY ORDERED BY …`) are brought into it as files are rewritten,
so that a question which filters by it opens few of them.

A snapshot is kept for --keep-days, and the last --keep-snapshots of a table for ever: that is how far time travel and a restored backup of
the catalog reach. A file that no snapshot refers to goes when it is older than --orphan-days: a writer that still works must have committed
by then; so does a helper's table that a killed share-export, `sparkyard sql` or `sparkyard promote` left.

--dry-run tells what would be done and does nothing. A table that somebody else writes at the same time is left for the next run, and said.
One that cannot be tended keeps no other from it: the run ends in an error that names it, when all the others are done. Tables of yard.raw
are lake-upkeep-raw's, which has the key that may write them.
"""

import argparse
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

import jobkit

LAYERS = ("trusted", "refined", "scratch")
# What share/export.py, `sparkyard sql --engine spark` and `sparkyard promote` drop at their end, if they live to see it.
HELPERS = r"yard\.(\w+\.share_export_[0-9a-f]{8}|scratch\.sql_query_[0-9a-f]{8}|scratch\.promote_\w+)"
MIB = 1024 * 1024
SMALL = 0.75  # of the target: what the table format takes for too small
COLUMNS = ["table", "small_files", "rewritten_to", "snapshots_expired", "files_removed"]
BUSY = "CommitFailedException|ValidationException|conflicting"


def list_tables(spark: SparkSession, layers: Sequence[str]) -> list[str]:
    spaces = {row.namespace for row in spark.sql("SHOW NAMESPACES IN yard").collect()} & set(layers)
    return sorted(f"yard.{space}.{row.tableName}" for space in spaces for row in spark.sql(f"SHOW TABLES IN yard.{space}").collect())


def choose_tables(spark: SparkSession, wanted: Sequence[str], layers: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those to tend, and helpers' tables, which may have been left over. What else lies in scratch is somebody's own."""
    there = list_tables(spark, layers)
    if missing := sorted(set(wanted) - set(there)):
        raise jobkit.InputError(f"no such table: {', '.join(missing)}; there are: {', '.join(there) or 'none'}")
    if wanted:
        return sorted(wanted), []
    helpers = [table for table in there if re.fullmatch(HELPERS, table)]
    return [table for table in there if table not in helpers and not table.startswith("yard.scratch.")], helpers


def count_small(spark: SparkSession, table: str, args: argparse.Namespace) -> int:
    """Files that a rewrite would take: too small, and enough of them in one partition to be worth it."""
    small = spark.table(f"{table}.files").where(F.col("file_size_in_bytes") < SMALL * args.target_mib * MIB)
    by_partition = small.groupBy([column for column in ("partition",) if column in small.columns])
    worth = by_partition.agg(F.count("*").alias("files")).where(F.col("files") >= args.min_files)
    return int(worth.agg(F.coalesce(F.sum("files"), F.lit(0))).collect()[0][0])


def rewrite(spark: SparkSession, table: str, args: argparse.Namespace) -> tuple[int, int]:
    """Small files read and large ones written, in the order that the table has; a rewrite that changed the number of rows fails the job."""
    options = {"target-file-size-bytes": args.target_mib * MIB, "min-input-files": args.min_files}
    pairs = ", ".join(f"'{name}', '{value}'" for name, value in options.items())
    sort = ["strategy => 'sort'"] if has_order(spark, table) else []
    done = call(spark, "rewrite_data_files", table, f"options => map({pairs})", *sort)[0]
    if done.rewritten_data_files_count:
        [last] = spark.sql(
            f"SELECT summary FROM {table}.snapshots WHERE operation = 'replace' ORDER BY committed_at DESC LIMIT 1"
        ).collect()
        if last.summary["added-records"] != last.summary["deleted-records"]:
            raise jobkit.JobError(f"{table}: the rewrite changed the number of rows: {last.summary}")
    return done.rewritten_data_files_count, done.added_data_files_count


def has_order(spark: SparkSession, table: str) -> bool:
    """Somebody said `WRITE ORDERED BY` of it."""
    return not spark.sql(f"SHOW TBLPROPERTIES {table}").where("key = 'sort-order'").isEmpty()


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


def is_left_over(spark: SparkSession, table: str, before: datetime) -> bool:
    """Nobody has written it for so long that whoever made it is gone."""
    written = F.unix_seconds(F.max("timestamp")).alias("at")
    return bool(spark.table(f"{table}.metadata_log_entries").agg(written).collect()[0]["at"] < before.timestamp())


def sweep(spark: SparkSession, table: str, args: argparse.Namespace, now: datetime) -> list[str]:
    """The table, if it was left over."""
    if not is_left_over(spark, table, now - timedelta(days=args.orphan_days)):
        return []
    if not args.dry_run:
        spark.sql(f"DROP TABLE IF EXISTS {table} PURGE")
    return [table]


class Outcome:
    """What became of each table; one that fails is no reason to leave out the others."""

    def __init__(self, spark: SparkSession, job: jobkit.Job) -> None:
        self.spark, self.job = spark, job
        self.busy: list[str] = []
        self.failed: dict[str, str] = {}

    def attempt(self, table: str, deed: Callable[[], list[Any]]) -> list[Any]:
        with self.job.phase(table):
            try:
                return deed()
            except Exception as error:
                if re.search(BUSY, str(error)):
                    self.busy.append(table)
                elif table in list_tables(self.spark, [table.split(".")[1]]):  # else its owner has dropped it meanwhile
                    self.failed[table] = jobkit.explain(error)[:300]
                return []

    def tell(self, done: int) -> None:
        self.job.facts |= {"written_by_others": self.busy} if self.busy else {}
        if self.failed:
            self.job.facts["tables_failed"] = list(self.failed)[:20]
            listed = "; ".join(f"{table}: {why}" for table, why in list(self.failed.items())[:5])
            raise jobkit.JobError(f"{len(self.failed)} tables could not be tended, {done} others were: {listed}")


def compute(spark: SparkSession, layers: Sequence[str], args: argparse.Namespace, job: jobkit.Job) -> None:
    now, outcome = datetime.now(UTC), Outcome(spark, job)
    tables, helpers = choose_tables(spark, args.table, layers)
    rows = [row for table in tables if (row := outcome.attempt(table, partial(tend, spark, table, args, now)))]
    left_over = [name for table in helpers for name in outcome.attempt(table, partial(sweep, spark, table, args, now))]
    totals = {name: sum(row[index] for row in rows) for index, name in enumerate(COLUMNS) if index}
    job.facts |= {"dry_run": args.dry_run, "tables_seen": len(rows), **totals} | ({"left_over": left_over} if left_over else {})
    job.highlights = [COLUMNS, *[row for row in rows if any(row[1:])][:20]]
    outcome.tell(len(rows) + len(left_over))


def arguments(name: str = "lake-upkeep", about: str | None = __doc__) -> argparse.ArgumentParser:
    parser = jobkit.Arguments(name, description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="append", default=[], help="yard.<layer>.<name>, again for more; all of them without")
    parser.add_argument("--dry-run", action="store_true", help="tell what would be done, and do nothing")
    parser.add_argument("--target-mib", type=jobkit.whole(1, 4096), default=128, help="size of a file to aim at")
    parser.add_argument("--min-files", type=jobkit.whole(2, 10_000), default=5, help="small files in a partition worth a rewrite")
    parser.add_argument("--keep-days", type=jobkit.whole(1, 3650), default=7, help="days that every snapshot is kept")
    parser.add_argument("--keep-snapshots", type=jobkit.whole(1, 1000), default=5, help="so many of the last snapshots are kept for ever")
    parser.add_argument("--orphan-days", type=jobkit.whole(2, 3650), default=3, help="age of a file or a helper's table that is lost")
    return parser


def run(name: str, about: str | None, layers: Sequence[str], argv: Sequence[str] | None, spark: SparkSession | None) -> dict[str, Any]:
    return jobkit.run(name, arguments(name, about), lambda session, args, job: compute(session, layers, args, job), argv, spark)


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return run("lake-upkeep", __doc__, LAYERS, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
