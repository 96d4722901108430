"""Lands the Google cluster trace: gzip CSV files to typed tables.

From: machine_events/, job_events/, task_events/ and task_usage/ below a folder, CSV files without a header, as a rule in gzip
To:   yard.trusted.trace_machine_events, …_job_events, …_task_events, …_task_usage  one row a line, typed, with day and source_id
      yard.trusted.trace_quarantine  every line that is no row, with reason and source file
      yard.trusted.trace_files       which version of which file has been read, by which run

A run reads only files that are new or changed (path, size, time of change), parses each line once, and replaces in one commit a table all
that a file said before: late, repeated and changed files correct and never double. Nothing is published before every line has been read and
counted; a file that cannot be read to its end, or too many rejects, leave every table as it was. The list of files is written last: a run
that was killed half-way is simply run again. A folder without files leaves its table empty, and the result says so.
"""

import argparse
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

import jobfiles
import jobkit
import jobrejects
import tracekit as trace
from jobstage import Stage

QUARANTINE = "yard.trusted.trace_quarantine"
FILES = "yard.trusted.trace_files"
READ_AS = {"TIME": "DECIMAL(20, 0)", "FLAG": "INT"}
STORED_AS = {"TIME": "BIGINT", "FLAG": "BOOLEAN"}
CSV = {"columnNameOfCorruptRecord": "broken", "quote": ""}  # no field of the trace is quoted
LARGEST = 1.7976931348623157e308


def table_of(folder: str) -> str:
    return f"yard.trusted.trace_{folder}"


def make_tables() -> dict[str, tuple[str, str]]:
    """Few machines change in a month: their table needs no days."""
    tables = {}
    for folder in trace.FOLDERS:
        typed = ", ".join(f"{name} {STORED_AS.get(kind.rstrip('!'), kind.rstrip('!'))}" for name, kind in trace.columns(folder).items())
        parts = "source_id" if folder == "machine_events" else "day, source_id"
        tables[table_of(folder)] = (f"{typed}, day INT, source_id BIGINT", parts)
    return tables | {QUARANTINE: (jobrejects.COLUMNS, "source_id"), FILES: (jobfiles.FILE_COLUMNS, "")}


def source_number() -> Column:
    """Which file a row is from. A cryptographic hash, row by row, would cost a quarter of the landing."""
    return F.xxhash64("source_file")


def parse_lines(lines: DataFrame, folder: str) -> DataFrame:
    """Lines to typed rows; `reason` says why a line is none."""
    kinds = {name: kind.rstrip("!") for name, kind in trace.columns(folder).items()}
    schema = ", ".join(f"{name} {READ_AS.get(kind, kind)}" for name, kind in kinds.items())
    parsed = lines.withColumn("row", F.from_csv("value", f"{schema}, broken STRING", CSV)).select("value", "source_file", "row.*")
    first_time = next(iter(kinds))
    return parsed.select(
        *(store(name, kind) for name, kind in kinds.items()),
        F.floor(store(first_time, "TIME") / trace.DAY).cast("int").alias("day"),
        source_number().alias("source_id"),
        "source_file",
        F.make_valid_utf8("value").alias("line"),
        find_reason(folder, kinds).alias("reason"),
    )


def store(name: str, kind: str) -> Column:
    if kind == "TIME":  # some writers say 2^64-1 for "after the trace"
        return F.least(F.col(name), F.lit(trace.AFTER)).cast("bigint").alias(name)
    return F.col(name).cast("boolean").alias(name) if kind == "FLAG" else F.col(name)


def find_reason(folder: str, kinds: Mapping[str, str]) -> Column:
    """Null for a good row; the first rule that is broken else."""
    fields, broken = F.size(F.split("value", ",", -1)), F.col("broken").isNotNull()
    required = [name for name, kind in trace.columns(folder).items() if kind.endswith("!")]
    reason = (
        F.when(~F.is_valid_utf8("value"), "not UTF-8")
        .when(F.trim("value") == "", "blank line")
        .when(broken & (fields < len(kinds)), "too few columns")
        .when(broken & (fields > len(kinds)), "too many columns")
        .when(broken, "text where a number belongs")
        .when(reduce(Column.__or__, [F.col(name).isNull() for name in required]), f"one of {', '.join(required)} is empty")
        .when(reduce(Column.__or__, [F.col(name) < 0 for name in typed(kinds, "TIME")]), "negative time")
    )
    if folder in trace.LAST_TYPE:
        reason = reason.when(~F.col("event_type").between(0, trace.LAST_TYPE[folder]), "unknown event type")
    for flag in typed(kinds, "FLAG"):
        reason = reason.when(~F.col(flag).isin(0, 1), f"{flag} is neither 0 nor 1")
    if amounts := [F.col(name) for name in typed(kinds, "DOUBLE")]:
        reason = reason.when((F.least(*amounts) < 0) | (F.greatest(*amounts) > LARGEST), "an amount is negative or no number")
    return reason.when(F.col("end_time") < F.col("start_time"), "ends before it starts") if "end_time" in kinds else reason


def typed(kinds: Mapping[str, str], wanted: str) -> list[str]:
    return [name for name, kind in kinds.items() if kind == wanted]


def sort_files(files: Sequence[Row], job: jobkit.Job) -> dict[str, list[Row]]:
    """The files by the folder they lie in; what lies elsewhere is no part of these tables."""
    sorted_files: dict[str, list[Row]] = {folder: [] for folder in trace.FOLDERS}
    ignored = []
    for file in files:
        folder = file.path.rsplit("/", 2)[-2]
        sorted_files.get(folder, ignored).append(file)
    job.facts["files_new"] -= len(ignored)
    if not job.facts["files_new"] + job.facts["files_known"]:
        raise jobkit.InputError(f"no file in a folder {', '.join(trace.FOLDERS)}: {len(files)} files lie elsewhere")
    if ignored:
        job.facts["files_ignored"] = len(ignored)
        print(f"{len(ignored)} files lie in none of {', '.join(trace.FOLDERS)}, the first of them {ignored[0].path}", flush=True)
    return {folder: found for folder, found in sorted_files.items() if found}


def load(spark: SparkSession, files: Mapping[str, list[Row]], max_rejected: float, job: jobkit.Job) -> None:
    parsed = {folder: parse_lines(jobfiles.read_lines(spark, found), folder) for folder, found in files.items()}
    every_file = [file for found in files.values() for file in found]
    with Stage(spark, job) as stage:
        with job.phase("parse and stage"):
            seen = {folder: stage_rows(stage, rows, folder, files[folder]) for folder, rows in parsed.items()}
            job.rows |= {"read": sum(said["seen"] for said in seen.values()), "rejected": sum(said["bad"] for said in seen.values())}
        with job.phase("quarantine"):
            broken = [rows for folder, rows in parsed.items() if seen[folder]["bad"]]
            rejected = quarantine(spark, broken, jobfiles.from_files(every_file), job)
            reasons = sum((Counter(counts) for counts in rejected.values()), Counter())
            jobrejects.check_share(reasons, max_rejected, QUARANTINE, job)
        with job.phase("publish"):
            stage.publish()
    with job.phase("note files"):
        counts = count_rows(spark, files, rejected)
        job.rows["written"] = sum(read for read, _ in counts.values()) - job.rows["rejected"]
        job.check("rows read = rejected + written", sum(read for read, _ in counts.values()) == job.rows["read"])
        jobfiles.note_files(spark, every_file, counts, FILES, job)


def stage_rows(stage: Stage, rows: DataFrame, folder: str, files: Sequence[Row]) -> dict[str, int]:
    try:
        return stage.write(rows, F.col("reason").isNull(), table_of(folder), F.col("source_id").isin(numbers(stage.spark, files)))
    except Exception as error:
        if unreadable := re.search(r"FAILED_READ_FILE.*?file (\S+?)\.?\s", str(error)):
            why = jobkit.explain(error).rsplit(" ← ")[-1]
            raise jobkit.InputError(f"{unreadable[1]} cannot be read to its end ({why}): fetch it again. No table was touched.") from error
        raise


def numbers(spark: SparkSession, files: Sequence[Row]) -> list[int]:
    rows = spark.createDataFrame([(file.source_file,) for file in files], "source_file STRING").select(source_number().alias("id"))
    return [row.id for row in rows.collect()]


def quarantine(spark: SparkSession, broken: Sequence[DataFrame], these_files: Column, job: jobkit.Job) -> dict[str, dict[str, int]]:
    """Keep what is rejected, in the place of what these files left here before: per file, how many lines for which reason."""
    stored = spark.table(QUARANTINE).where(these_files)
    if not broken and stored.isEmpty():
        return {}
    kept = [rows.where("reason IS NOT NULL").select("line", "reason", "source_file", jobfiles.source_id_column()) for rows in broken]
    jobfiles.replace_rows(reduce(DataFrame.union, kept, stored.limit(0)), QUARANTINE, these_files, job)
    counted = jobfiles.read_anew(spark, QUARANTINE).where(these_files).groupBy("source_file", "reason").count().collect()
    rejected: dict[str, dict[str, int]] = {}
    for row in counted:
        rejected.setdefault(row.source_file, {})[row.reason] = row["count"]
    total = sum(sum(reasons.values()) for reasons in rejected.values())
    job.check("lines rejected = lines in quarantine", total == job.rows["rejected"])
    return rejected


def count_rows(
    spark: SparkSession, files: Mapping[str, list[Row]], rejected: Mapping[str, Mapping[str, int]]
) -> dict[str, tuple[int, int]]:
    """Lines read and rejected of each file. The tables know their rows file by file: nothing is read."""
    counts = {}
    for folder, found in files.items():
        listed = spark.table(f"{table_of(folder)}.files").where("content = 0")
        stored = dict(listed.groupBy("partition.source_id").agg(F.sum("record_count")).collect())
        for file, number in zip(found, numbers(spark, found), strict=True):
            bad = sum(rejected.get(file.source_file, {}).values())
            counts[file.source_file] = (stored.get(number, 0) + bad, bad)
    return counts


def summarise(spark: SparkSession, job: jobkit.Job) -> None:
    totals = {folder: spark.table(table_of(folder)).count() for folder in trace.FOLDERS}
    job.facts |= {"source": trace.CITE}
    if empty := [folder for folder, rows in totals.items() if not rows]:
        job.facts["without_rows"] = empty
    job.highlights = [["table", "rows"], *([table_of(folder), rows] for folder, rows in totals.items())]


def compute(spark: SparkSession, args: argparse.Namespace, job: jobkit.Job) -> None:
    with job.phase("find files"):
        jobfiles.ensure_tables(spark, make_tables())
        files = sort_files(jobfiles.find_new_files(spark, args.input, FILES, job), job)
    if files:
        load(spark, files, args.max_rejected, job)
    with job.phase("summarise"):
        summarise(spark, job)


def arguments() -> argparse.ArgumentParser:
    parser = jobkit.Arguments("trace-land", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", required=True, help="the folder that holds machine_events/ and the others, as a URI")
    parser.add_argument("--max-rejected", type=jobkit.share, default=0.05, help="share of lines that may be no rows, 0 to 1")
    return parser


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobkit.run("trace-land", arguments(), compute, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
