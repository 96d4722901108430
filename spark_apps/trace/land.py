"""Lands the Google cluster trace: gzip CSV files to typed tables.

From: machine_events/, job_events/, task_events/ and task_usage/ below a folder, CSV files without a header, as a rule in gzip
To:   yard.trusted.trace_machine_events, …_job_events, …_task_events, …_task_usage  one row a line, typed, with day and source_id
      yard.trusted.trace_quarantine  every line that is no row, with reason and source file
      yard.trusted.trace_files       which version of which file has been read, by which run

A run reads only files that are new or changed (path, size, time of change), parses each line once, and replaces in one commit a table all
that a file said before: late, repeated and changed files correct and never double. Nothing is published before every line has been read and
counted; a file that cannot be read to its end, or too many rejects, leave every table as it was. The list of files is written last: a run
that was killed half-way is simply run again. A folder without files leaves its table empty, and the result says so. An amount of more than
a million is no row: the largest machine is 1, and the questions' exact sums have room for no more.
"""

import argparse
import re
from collections import Counter
from collections.abc import Sequence
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

import jobfiles
import jobkit
import jobrejects
import tracekit as trace
import tracelines
from jobstage import Stage

QUARANTINE = "yard.trusted.trace_quarantine"
FILES = "yard.trusted.trace_files"


def table_of(folder: str) -> str:
    return f"yard.trusted.trace_{folder}"


def make_tables() -> dict[str, tuple[str, str]]:
    """Few machines change in a month: their table needs no days."""
    tables = {}
    for folder in trace.FOLDERS:
        parts = "source_id" if folder == "machine_events" else "day, source_id"
        tables[table_of(folder)] = (tracelines.stored_columns(folder), parts)
    return tables | {QUARANTINE: (jobrejects.COLUMNS, "source_id"), FILES: (jobfiles.FILE_COLUMNS, "")}


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


def load(spark: SparkSession, new: Sequence[Row], max_rejected: float, job: jobkit.Job) -> None:
    if not (files := sort_files(new, job)):
        return
    parsed = {folder: tracelines.parse(jobfiles.read_lines(spark, found), folder) for folder, found in files.items()}
    every_file = [file for found in files.values() for file in found]
    numbers = number_files(spark, every_file)
    with Stage(spark, job) as stage:
        with job.phase("parse and stage"):
            seen = {folder: stage_rows(stage, rows, folder, [numbers[file] for file in files[folder]]) for folder, rows in parsed.items()}
            job.rows |= {"read": sum(said["seen"] for said in seen.values()), "rejected": sum(said["bad"] for said in seen.values())}
        with job.phase("quarantine"):
            broken = [rows for folder, rows in parsed.items() if seen[folder]["bad"]]
            rejected = quarantine(spark, broken, jobfiles.from_files(every_file), job)
            reasons = sum((Counter(counts) for counts in rejected.values()), Counter())
            jobrejects.check_share(reasons, max_rejected, QUARANTINE, job)
            job.facts |= {"rejected_because": dict(reasons)} if reasons else {}
        with job.phase("publish"):
            stage.publish()
    with job.phase("note files"):
        stored = count_stored(spark, list(files))
        bad = {file: sum(rejected.get(file.source_file, {}).values()) for file in every_file}
        counts = {file.source_file: (stored.get(numbers[file], 0) + bad[file], bad[file]) for file in every_file}
        job.rows["written"] = sum(stored.get(numbers[file], 0) for file in every_file)
        job.check("rows read = rejected + written", job.rows["read"] == job.rows["rejected"] + job.rows["written"])
        jobfiles.note_files(spark, every_file, counts, FILES, job)


def number_files(spark: SparkSession, files: Sequence[Row]) -> dict[Row, int]:
    """The source_id of each file."""
    paths = F.array(*(F.lit(file.source_file) for file in files))
    numbers = spark.range(1).select(F.transform(paths, lambda path: F.xxhash64(path)).alias("all")).head()
    return dict(zip(files, numbers["all"], strict=True))


def stage_rows(stage: Stage, rows: DataFrame, folder: str, numbers: Sequence[int]) -> dict[str, int]:
    try:
        return stage.write(rows, F.col("reason").isNull(), table_of(folder), F.col("source_id").isin(numbers))
    except Exception as error:
        if unreadable := re.search(r"FAILED_READ_FILE.*?file (\S+?)\.?\s", str(error)):
            why = jobkit.explain(error).rsplit(" ← ")[-1]
            raise jobkit.InputError(f"{unreadable[1]} cannot be read to its end ({why}): fetch it again. No table was touched.") from error
        raise


def count_stored(spark: SparkSession, folders: Sequence[str]) -> dict[int, int]:
    """Rows by source_id. The tables know them without being read."""
    listed = [spark.table(f"{table_of(folder)}.files").select("partition.source_id", "record_count") for folder in folders]
    return dict(reduce(DataFrame.union, listed).groupBy("source_id").agg(F.sum("record_count")).collect())


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


def summarise(spark: SparkSession, job: jobkit.Job) -> None:
    totals = {folder: spark.table(table_of(folder)).count() for folder in trace.FOLDERS}
    job.facts |= {"source": trace.CITE}
    if empty := [folder for folder, rows in totals.items() if not rows]:
        job.facts["without_rows"] = empty
    job.highlights = [["table", "rows"], *([table_of(folder), rows] for folder, rows in totals.items())]


def compute(spark: SparkSession, args: argparse.Namespace, job: jobkit.Job) -> None:
    jobfiles.load_new_files(spark, args.input, make_tables(), FILES, job, lambda files: load(spark, files, args.max_rejected, job))
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
