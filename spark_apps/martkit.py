"""City marts as our jobs know them: the days that are asked for, cities and distances, and an answer that replaces one date alone.

A run is for a date and a depth: the date and so many days before it. Days that are not there are told; if none is there, that is an error.
"""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

import jobanswers
import jobfiles
import jobkit

EVENTS = "yard.trusted.marts_mover"
EARLIEST = date(2015, 1, 1)
DEEPEST = 150
EARTH = 6371.0088  # km, the mean radius
OF_DATE = "sparkyard.answer-date"


def add_options(parser: argparse.ArgumentParser) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(1)
    parser.add_argument("--date", type=jobkit.day(EARLIEST), default=str(yesterday), help="YYYY-MM-DD; yesterday in UTC without")
    parser.add_argument("--depth", type=jobkit.whole(0, DEEPEST), default=60, help="so many days before it are read, too")


def days(args: argparse.Namespace) -> list[date]:
    return [args.date - timedelta(back) for back in range(args.depth, -1, -1)]


def tell_missing(args: argparse.Namespace, found: Iterable[date], where: str, job: jobkit.Job) -> None:
    """A warning, or an error where nothing is there at all."""
    there = set(found)
    missing = [day for day in days(args) if day not in there]
    if len(missing) > args.depth:
        raise jobkit.InputError(f"{where}: none of the {len(missing)} days asked for is there, {format_days(missing)}")
    if missing:
        job.facts |= {"days_missing": len(missing), "missing": format_days(missing)}
        print(f"WARNING: {len(missing)} of {args.depth + 1} days are not in {where}: {format_days(missing)}", flush=True)


def format_days(missing: Sequence[date]) -> str:
    """Days in a row as one."""
    runs: list[list[date]] = []
    for day in missing:
        if runs and day - runs[-1][-1] == timedelta(1):
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def distance(lat: Column, lon: Column, other_lat: Column, other_lon: Column) -> Column:
    """Along a great circle, in km: by the haversine, whose last step is an arc sine."""
    return 2 * EARTH * F.asin(F.least(F.sqrt(haversine(lat, lon, other_lat, other_lon)), F.lit(1.0)))


def haversine(lat: Column, lon: Column, other_lat: Column, other_lon: Column) -> Column:
    """Grows with the distance: enough to find the nearest by."""
    north, east = F.radians(other_lat - lat), F.radians(other_lon - lon)
    return F.pow(F.sin(north / 2), 2) + F.cos(F.radians(lat)) * F.cos(F.radians(other_lat)) * F.pow(F.sin(east / 2), 2)


def local_time(time: Column, zone: Column) -> Column:
    """What a clock there showed: a time without a zone. Arithmetic on instants knows no session time zone."""
    naive = F.timestamp_add("MICROSECOND", F.unix_micros(time), F.lit("1970-01-01 00:00:00").cast("timestamp_ntz"))
    return F.convert_timezone(F.lit("UTC"), zone, naive)


def later() -> Column:
    """By which the last message is the last: of one moment, the higher number."""
    return F.struct("time", "message_id")


@dataclass(frozen=True)
class Mart:
    """`answer` makes the rows of a date from the events of its days and from all events until then; `tell` counts and describes them."""

    job: str
    about: str | None
    code: str
    table: str
    columns: str
    answer: Callable[[DataFrame, DataFrame, argparse.Namespace], DataFrame]
    tell: Callable[[DataFrame, DataFrame, jobkit.Job], None]
    plot: Mapping[str, Any] | None = None


def run(mart: Mart, argv: Sequence[str] | None, spark: SparkSession | None) -> dict[str, Any]:
    parser = jobkit.Arguments(mart.job, description=mart.about, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    return jobkit.run(mart.job, parser, lambda session, args, job: compute(session, mart, args, job), argv, spark)


def compute(spark: SparkSession, mart: Mart, args: argparse.Namespace, job: jobkit.Job) -> None:
    with job.phase("look for news"):
        snapshot = jobanswers.current_snapshot(spark, EVENTS)
        jobfiles.ensure_tables(spark, {mart.table: (f"date DATE, {mart.columns}", "date")})
        key = jobanswers.hash_asked([vars(args), snapshot], [Path(mart.code), Path(__file__)])  # both are the mart's code
        before = last_of_date(spark, mart.table, args.date)
        job.plot = dict(mart.plot) | {"where": {"date": str(args.date)}} if mart.plot else None
    if before.get(jobanswers.KEY) == key:
        return jobanswers.repeat(before, job)
    with job.phase("find days"):
        until = spark.read.option("versionAsOf", snapshot).table(EVENTS).where(F.col("date") <= F.lit(args.date))
        events = until.where(F.col("date") >= F.lit(days(args)[0]))
        counts = {row.date: row["count"] for row in events.groupBy("date").count().collect()}
        tell_missing(args, counts, EVENTS, job)
        job.rows["read"] = sum(counts.values())
    with job.phase("answer"):
        kept = mart.answer(events, until, args).select(*(name.split()[0] for name in mart.columns.split(", "))).persist()
        try:
            mart.tell(kept, events, job)
            replace_date(spark, mart, kept, args, key, job)
        finally:
            kept.unpersist()
    return None


def replace_date(spark: SparkSession, mart: Mart, rows: DataFrame, args: argparse.Namespace, key: str, job: jobkit.Job) -> None:
    """One commit, which replaces what the table says of this date and remembers what was said of it."""
    dated = rows.select(F.lit(args.date).alias("date"), "*").coalesce(1 + job.rows["written"] // jobanswers.ROWS_A_FILE)
    properties = {OF_DATE: str(args.date), jobanswers.KEY: key, jobanswers.SAID: jobanswers.remember(job)}
    jobfiles.retry_conflicts(lambda: overwrite(spark, dated, mart.table, properties, job))


def overwrite(spark: SparkSession, rows: DataFrame, table: str, properties: Mapping[str, str], job: jobkit.Job) -> None:
    job.versions = jobfiles.current_versions(spark, [table])
    writer = jobfiles.guarded(rows, table, job)
    for name, value in properties.items():
        writer = writer.option(f"snapshot-property.{name}", value)
    writer.overwrite(F.col("date") == F.lit(date.fromisoformat(properties[OF_DATE])))
    job.tables = [table]


def last_of_date(spark: SparkSession, table: str, of: date) -> Mapping[str, str]:
    """What the last commit of a date says; nothing where its snapshot has expired."""
    spark.sql(f"REFRESH TABLE {table}")
    commits = spark.table(f"{table}.snapshots").where(F.col("summary")[OF_DATE] == str(of))
    last = max(commits.select("committed_at", "summary").collect(), key=lambda commit: commit.committed_at, default=None)
    return last.summary if last else {}
