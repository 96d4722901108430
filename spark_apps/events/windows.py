"""Open and close events in 10-minute windows of UTC.

From: CSV files with the header `time,action` (2016-07-26T02:45:07.000Z, Open or Close), in any order, in any number of files.
To:   yard.trusted.events_windows_events      one row an event; equal rows are legitimate
      yard.trusted.events_windows_quarantine  every line that is no event, with reason and source file
      yard.trusted.events_windows_files       which version of which file has been read, by which run
      yard.refined.events_windows             one row a window, empty ones too, from the first event to the last

A run reads only files that are new or changed (path, size, time of change) and renews only the days their events fall on, so late events
correct old windows, a changed file replaces what it said before, and a file seen already changes nothing. The list of files is written
last: a run that was killed half-way is simply run again. A commit of events says which days' windows it owes, that of the list which
commits have theirs: so the next run renews what a killed one owed, also on days of which no event is left to tell.
"""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any

from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

import jobfiles
import jobkit
import jobrejects

EVENTS = "yard.trusted.events_windows_events"
QUARANTINE = "yard.trusted.events_windows_quarantine"
FILES = "yard.trusted.events_windows_files"
WINDOWS = "yard.refined.events_windows"
TABLES = {
    EVENTS: ("time TIMESTAMP, action STRING, source_file STRING, source_id STRING", "source_id"),
    QUARANTINE: (jobrejects.COLUMNS, "source_id"),
    FILES: (jobfiles.FILE_COLUMNS, ""),
    WINDOWS: (
        "window_start TIMESTAMP, window_end TIMESTAMP, open_count BIGINT, close_count BIGINT, total BIGINT, avg_actions DOUBLE, "
        "open_per_minute DOUBLE, close_per_minute DOUBLE, actions_per_minute DOUBLE",
        "",
    ),
}
OWES, SETTLED = "sparkyard.owes-windows-of-days", "sparkyard.windows-settled"
MINUTES = 10
SECONDS = MINUTES * 60
DAY = 24 * 3600
TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"


def parse_lines(lines: DataFrame) -> DataFrame:
    """Lines to events; `reason` says why a line is none. Neither a time nor an action holds a comma, so a split is all of CSV there is."""
    split = jobfiles.parse_once(lines, F.struct(F.split("value", ",", -1).alias("fields")))
    texts = jobfiles.parse_once(split, F.struct(field(0).alias("time_text"), F.initcap(field(1)).alias("action")))
    timed = texts.withColumn("time", F.when(F.col("time_text").rlike(TIME), F.col("time_text").try_cast("timestamp")))
    reason = (
        F.when((F.lower("time_text") == "time") & (F.col("action") == "Action") & (F.size("fields") == 2), jobrejects.HEADER)
        .when(~F.is_valid_utf8("value"), "not UTF-8")
        .when(F.trim("value") == "", "blank line")
        .when(F.size("fields") < 2, "too few columns")
        .when(F.size("fields") > 2, "too many columns")
        .when(F.col("time").isNull(), "time is not ISO 8601 in UTC")
        .when(~F.col("action").isin("Open", "Close"), "action is neither Open nor Close")
    )
    return timed.select("source_file", F.make_valid_utf8("value").alias("line"), "time", "action", reason.alias("reason"))


def field(index: int) -> Column:
    """One field without its quotes and the blanks around it."""
    text = F.btrim(F.get("fields", F.lit(index)), F.lit(" \t\r"))
    return F.when(text.startswith('"'), F.btrim(F.regexp_replace(text, '^"(.*)"$', "$1"))).otherwise(text)


def number(seconds: int) -> Column:
    """Which window (or day) since 1970 a time falls into: arithmetic on instants knows no session time zone."""
    return F.floor(F.unix_seconds("time") / seconds)


def count_windows(events: DataFrame, numbers: DataFrame) -> DataFrame:
    """One row for each asked window number, with zeros where nothing happened."""
    opened, closed = (F.count_if(F.col("action") == action) for action in ("Open", "Close"))
    counts = events.groupBy(number(SECONDS).alias("id")).agg(opened.alias("open_count"), closed.alias("close_count"))
    filled = numbers.join(counts, "id", "left").na.fill(0, ["open_count", "close_count"])
    total = F.col("open_count") + F.col("close_count")
    return filled.select(
        F.timestamp_seconds(F.col("id") * SECONDS).alias("window_start"),
        F.timestamp_seconds((F.col("id") + 1) * SECONDS).alias("window_end"),
        "open_count",
        "close_count",
        total.alias("total"),
        (total / 2).alias("avg_actions"),
        (F.col("open_count") / MINUTES).alias("open_per_minute"),
        (F.col("close_count") / MINUTES).alias("close_per_minute"),
        (total / MINUTES).alias("actions_per_minute"),
    )


def day_ranges(days: set[int]) -> list[tuple[Column, Column]]:
    """From when to when, for each run of days without a gap: little enough for the table format to skip files by."""
    starts, ends = sorted(days - {day + 1 for day in days}), sorted(day + 1 for day in days - {day - 1 for day in days})
    return [(F.timestamp_seconds(F.lit(a * DAY)), F.timestamp_seconds(F.lit(b * DAY))) for a, b in zip(starts, ends, strict=True)]


def check_span(days: set[int], known: tuple[int, int] | None, max_days: int) -> None:
    """One wrong year would fill the table with empty windows."""
    all_days = days | {window * SECONDS // DAY for window in known or ()}
    if all_days and max(all_days) - min(all_days) > max_days:
        raise jobkit.InputError(
            f"events from {format_time(min(all_days) * DAY)} to {format_time(max(all_days) * DAY)}: more than the {max_days:,} days "
            "that --max-days allows between the first and the last. Is a date wrong? No table of events was touched."
        )


def load(spark: SparkSession, files: Sequence[Row], args: argparse.Namespace, job: jobkit.Job) -> None:
    events, these_files = parse_lines(jobfiles.read_lines(spark, files)), jobfiles.from_files(files)
    stored, known = spark.table(EVENTS).where(these_files), bounds(spark.table(EVENTS), "time")
    with job.phase("check lines"):
        found = jobrejects.examine(events, "time,action", number(DAY), job)
    with job.phase("quarantine"):
        jobrejects.quarantine(events, found, spark.table(QUARANTINE), QUARANTINE, these_files, job)
        jobrejects.check_share(found.reasons, args.max_rejected, QUARANTINE, job)
        check_span(found.parts, known, args.max_days)
    with job.phase("write events"):
        said_before = stored.select(number(DAY).alias("day")).distinct().collect() if known else []
        good = jobrejects.good_rows(events, found).select("time", "action", "source_file", jobfiles.source_id_column())
        owes = {OWES: ",".join(map(str, sorted(found.parts | {row.day for row in said_before})))}
        jobfiles.replace_rows(good, EVENTS, these_files, job, owes)
        job.rows["written"] = stored.count()
        job.check("rows read = rejected + written", job.rows["read"] == job.rows["rejected"] + job.rows["written"])
    with job.phase("renew windows"):
        owed = find_owed(spark)
        days = {day for of_commit in owed.values() for day in of_commit}
        jobfiles.retry_conflicts(lambda: renew_windows(spark, days))
        job.tables.append(WINDOWS)
    with job.phase("note files"):
        jobfiles.note_files(spark, files, found.counts, FILES, job, {SETTLED: ",".join(map(str, owed))})


def find_owed(spark: SparkSession) -> dict[int, list[int]]:
    """The days of each commit of events whose windows no entry of the list has settled: of ours, and of a run that died or is still busy.
    An entry that has expired settles nothing any more, and days are renewed once too often, which changes nothing."""
    said = [told_by_commits(spark, table, name) for table, name in ((EVENTS, OWES), (FILES, SETTLED))]
    told: dict[str, dict[int, list[int]]] = {OWES: {}, SETTLED: {}}
    for row in reduce(DataFrame.union, said).collect():
        told[row.name][row.snapshot_id] = [int(number) for number in row.said.split(",") if number]
    settled = {commit for commits in told[SETTLED].values() for commit in commits}
    return {commit: days for commit, days in told[OWES].items() if commit not in settled}


def told_by_commits(spark: SparkSession, table: str, name: str) -> DataFrame:
    spark.sql(f"REFRESH TABLE {table}")
    said = spark.table(f"{table}.snapshots").select("snapshot_id", F.lit(name).alias("name"), F.col("summary")[name].alias("said"))
    return said.where("said IS NOT NULL")


def bounds(table: DataFrame, column: str) -> tuple[int, int] | None:
    """First and last window number; Iceberg answers from its metadata."""
    low, high = (F.floor(F.unix_seconds(of(column)) / SECONDS) for of in (F.min, F.max))
    first, last = table.agg(low, high).head() or (None, None)
    return None if first is None or last is None else (first, last)


def renew_windows(spark: SparkSession, days: set[int]) -> None:
    """Count the windows of these days anew, and add the empty ones that a longer span needs."""
    # In this order: whoever renewed the windows that we see has written its events before.
    windows, events = jobfiles.read_anew(spark, WINDOWS), jobfiles.read_anew(spark, EVENTS)
    span, known = bounds(events, "time"), bounds(windows, "window_start")
    if span is None:
        spark.sql(f"DELETE FROM {WINDOWS}")
        return
    first, last = span
    is_new = ~F.col("id").between(*known) if known else F.lit(True)
    wanted = is_new | F.floor(F.col("id") * SECONDS / DAY).isin(sorted(days))
    on_days = reduce(or_, [(F.col("time") >= start) & (F.col("time") < end) for start, end in day_ranges(days)], F.lit(False))
    renewed = count_windows(events.where(on_days), spark.range(first, last + 1).where(wanted))
    spark.sql(
        f"MERGE INTO {WINDOWS} old USING {{renewed}} new ON old.window_start = new.window_start "
        "WHEN MATCHED AND (old.open_count <> new.open_count OR old.close_count <> new.close_count) THEN UPDATE SET * "
        "WHEN NOT MATCHED THEN INSERT * WHEN NOT MATCHED BY SOURCE "
        f"AND (old.window_start NOT BETWEEN timestamp_seconds({first * SECONDS}) AND timestamp_seconds({last * SECONDS})) THEN DELETE",
        renewed=renewed,
    )


def summarise(spark: SparkSession, by: str, top: int, job: jobkit.Job) -> None:
    """The averages of all windows, and the fullest ones: the earlier wins a tie, and a tie for the last place is said."""
    windows, count = spark.table(WINDOWS), "total" if by == "total" else f"{by}_count"
    best = windows.orderBy(F.desc(count), "window_start").limit(top).withColumn("start", F.unix_seconds("window_start")).collect()
    least = best[-1][count] if best else 0
    averages = [F.round(F.avg(column), 6).alias(f"average_{column}") for column in ("total", "open_count", "close_count")]
    places = [F.count_if(F.col(count) >= least).alias("placed"), F.count("*").alias("windows")]
    ends = [F.unix_seconds(F.min("window_start")).alias("first"), F.unix_seconds(F.max("window_end")).alias("last")]
    facts = windows.agg(*places, *averages, *ends).collect()[0].asDict()
    tied = facts.pop("placed") - len(best)
    job.facts |= facts | {end: format_time(facts[end]) for end in ("first", "last") if facts[end] is not None} | {"top_by": by}
    if tied > 0:
        job.facts["tie"] = f"place {len(best)} is shared: {tied} more window(s) have {count} {least}; the earliest come first"
    names = ["open_count", "close_count", "total", "actions_per_minute"]
    job.highlights = [["window (UTC)", *names], *([format_time(row.start), *(row[name] for name in names)] for row in best)]
    job.plot = {
        "table": WINDOWS,
        "kind": "line",
        "x": "window_start",
        "y": ["open_count", "close_count"],
        "title": f"Open and close events in {MINUTES}-minute windows (UTC)",
        "caption": f"Windows of {MINUTES} minutes in UTC, empty ones included; events whose time or action cannot be read are left out.",
    }


def format_time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def compute(spark: SparkSession, args: argparse.Namespace, job: jobkit.Job) -> None:
    jobfiles.load_new_files(spark, args.input, TABLES, FILES, job, lambda files: load(spark, files, args, job))
    with job.phase("summarise"):
        summarise(spark, args.by, args.top, job)


def arguments() -> argparse.ArgumentParser:
    parser = jobkit.Arguments("events-windows", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", required=True, help="a folder or a file, as a URI")
    parser.add_argument("--top", type=jobkit.whole(1, 50), default=10, help="how many of the fullest windows to tell of (1 to 50)")
    parser.add_argument("--by", choices=["open", "close", "total"], default="open", help="what makes a window full")
    parser.add_argument("--max-rejected", type=jobkit.share, default=0.05, help="share of lines that may be no events, 0 to 1")
    parser.add_argument("--max-days", type=jobkit.whole(1, 36500), default=3660, help="longest span from the first to the last event")
    return parser


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobkit.run("events-windows", arguments(), compute, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
