"""Lands the losses of a catastrophe model: CSV and Parquet files, a folder a snapshot, to one typed table.

From: CSV files with the header of `losskit.IN_FILES`, or Parquet files with these columns, under <input>/<snapshot>/
To:   yard.trusted.losses_land             one row a line, typed, with snapshot; EventSetTypeId is RegionID there, LayerId is LayerID
      yard.trusted.losses_land_quarantine  every line that is no row, with reason and source file
      yard.trusted.losses_land_files       which version of which file has been read, by which run

A run reads only files that are new or changed (path, size, time of change), and replaces in one commit what a file said before. One broken
line fails the run and no loss is touched, unless --max-rejected allows for more: a loss that is missing makes a layer look cheap.
What share-land has noted as renamed counts under its new name alone: the rows of the old name go in the commit that brings the new one's.
"""

import argparse
import re
from collections.abc import Sequence
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

import jobfiles
import jobgroups
import jobkit
import jobrejects
import losskit
import rawstore
import sharebook

HEADER = ",".join(losskit.columns())
STORED = ", ".join(f"{name} {kind}" for name, kind in losskit.stored().items())
TABLES = {
    losskit.ROWS: (f"snapshot STRING, {STORED}, source_file STRING, source_id STRING", "snapshot, source_id"),
    losskit.QUARANTINE: (jobrejects.COLUMNS, "source_id"),
    losskit.FILES: (jobfiles.FILE_COLUMNS, ""),
}
CSV = {"columnNameOfCorruptRecord": "broken"}


def parse_lines(lines: DataFrame) -> DataFrame:
    """Lines to typed columns; `reason` says why a line is none."""
    text = F.btrim("value", F.lit(" \t\r\ufeff"))
    row = F.from_csv("text", f"{losskit.IN_FILES}, broken STRING", CSV)
    parsed = jobfiles.parse_once(lines.select("source_file", "value", text.alias("text")), row)
    fields, wanted = F.size(F.split("text", ",", -1)), len(losskit.columns())
    reason = (
        F.when(F.lower(F.translate("text", '" ', "")) == HEADER.lower(), jobrejects.HEADER)
        .when(~F.is_valid_utf8("value"), "not UTF-8")
        .when(F.col("text") == "", "blank line")
        .when(F.col("broken").isNotNull() & (fields < wanted), "too few columns")
        .when(F.col("broken").isNotNull() & (fields > wanted), "too many columns")
        .when(F.col("broken").isNotNull(), "text where a number belongs")
    )
    return typed(parsed, F.make_valid_utf8("value"), reason)


def read_parquet(spark: SparkSession, files: Sequence[Row]) -> DataFrame:
    """Rows of Parquet files, found by the names of their columns; a file that lacks one has nothing but nulls in it."""
    wide = losskit.IN_FILES.replace(" INT,", " BIGINT,")  # pandas writes nothing narrower
    good = typed(jobfiles.read_parquet(spark, files, wide), F.to_json(F.struct(*losskit.columns())), F.lit(None).cast("string"))
    heads = spark.createDataFrame([(file.source_file,) for file in files], "source_file STRING").withColumn(
        "reason", F.lit(jobrejects.HEADER)
    )
    return good.unionByName(heads, allowMissingColumns=True)  # such a file is its own header


def typed(rows: DataFrame, line: Column, reason: Column) -> DataFrame:
    empty = reduce(Column.__or__, [F.col(name).isNull() for name in losskit.columns()])
    amounts = [F.col(name) for name, kind in losskit.columns().items() if kind == "DOUBLE"]
    infinite = reduce(Column.__or__, [F.isnan(amount) | (F.abs(amount) > 1e20) for amount in amounts])
    why = F.coalesce(
        reason, F.when(empty, "a column is empty").when(infinite, "an amount is no number").when(F.col("Iteration") < 1, "no iteration")
    )
    folder = F.element_at(F.split(F.url_decode(F.regexp_replace("source_file", r"\+", "%2B")), "/"), -2)
    return rows.select(
        rawstore.share_name(folder).alias("snapshot"),
        *(F.col(name).cast(kind).alias(losskit.RENAMED.get(name, name)) for name, kind in losskit.columns().items()),
        "source_file",
        line.alias("line"),
        why.alias("reason"),
    )


def parse(spark: SparkSession, files: Sequence[Row]) -> DataFrame:
    parquet = [file for file in files if file.path.lower().endswith(".parquet")]
    csv = [file for file in files if file not in parquet]
    parts = [parse_lines(jobfiles.read_lines(spark, csv))] if csv else []
    return reduce(DataFrame.unionByName, [*parts, *([read_parquet(spark, parquet)] if parquet else [])])


def examine(rows: DataFrame, job: jobkit.Job) -> jobrejects.Findings:
    try:
        return jobrejects.examine(rows, HEADER, F.col("snapshot"), job)
    except Exception as error:
        if unreadable := re.search(r"FAILED_READ_FILE.*?file (\S+?)\.?\s", str(error)):
            why = jobkit.explain(error).rsplit(" ← ")[-1]
            raise jobkit.InputError(f"{unreadable[1]} cannot be read as it is declared ({why}). No table was touched.") from error
        raise


def find_withdrawn(spark: SparkSession, args: argparse.Namespace) -> list[Row]:
    """Files of raw whose content has another name on their share by now, and is landed under that."""
    renamed = sharebook.read_renamed(spark)
    return [file for file in jobfiles.list_files(spark, args.input).collect() if file.path in renamed] if renamed else []


def load(spark: SparkSession, files: Sequence[Row], withdrawn: Sequence[Row], args: argparse.Namespace, job: jobkit.Job) -> None:
    """Rows of the files, in the place of what they and those that were withdrawn said; then what their snapshots hold now."""
    old = {file.path for file in withdrawn}
    if new := [file for file in files if file.path not in old]:
        snapshots = load_rows(spark, new, withdrawn, args, job)
        with job.phase("summarise"):
            summarise(spark, snapshots, job)
    if known := [file for file in files if file.path in old]:
        jobfiles.note_files(spark, known, {}, losskit.FILES, job)


def load_rows(spark: SparkSession, files: Sequence[Row], withdrawn: Sequence[Row], args: argparse.Namespace, job: jobkit.Job) -> set[str]:
    rows, these_files = parse(spark, files), jobfiles.from_files([*files, *withdrawn])
    with job.phase("check lines"):
        found = examine(rows, job)
    with job.phase("quarantine"):
        jobrejects.quarantine(rows, found, spark.table(losskit.QUARANTINE), losskit.QUARANTINE, these_files, job)
        jobrejects.check_share(found.reasons, args.max_rejected, losskit.QUARANTINE, job)
    with job.phase("write"):
        good = jobrejects.good_rows(rows, found).select("snapshot", *losskit.stored(), "source_file", jobgroups.group_column())
        jobgroups.replace_files(good, losskit.ROWS, [*files, *withdrawn], job)
        groups = F.col("source_id").isin(sorted({jobgroups.group_id(file.source_file) for file in files}))  # else all of the table is read
        job.rows["written"] = jobgroups.of_files(jobfiles.read_anew(spark, losskit.ROWS).where(groups), files).count()
        job.check("rows read = rejected + written", job.rows["read"] == job.rows["rejected"] + job.rows["written"])
    with job.phase("note files"):
        jobfiles.note_files(spark, files, found.counts, losskit.FILES, job)
    return found.parts


def withdraw(spark: SparkSession, withdrawn: Sequence[Row], job: jobkit.Job) -> None:
    """Where nothing new came that took these rows' place: it was landed by a run before."""

    def attempt() -> None:
        job.versions = jobfiles.current_versions(spark, TABLES)
        rows = jobfiles.read_anew(spark, losskit.ROWS)
        if not jobgroups.of_files(rows, withdrawn).isEmpty():
            jobgroups.replace_files(rows.where("false"), losskit.ROWS, withdrawn, job)

    jobfiles.retry_conflicts(attempt)
    job.facts["files_withdrawn"] = len(withdrawn)


def summarise(spark: SparkSession, snapshots: set[str], job: jobkit.Job) -> None:
    said = [
        F.count("*").alias("rows"),
        F.countDistinct("Iteration").alias("iterations"),
        F.max("Iteration").alias("highest"),
        F.sum("Layer").alias("layer"),
    ]
    found = (
        spark.table(losskit.ROWS)
        .where(F.col("snapshot").isin(sorted(snapshots)))
        .groupBy("snapshot")
        .agg(*said, F.count_if(F.col("Phantom") != 0).alias("phantom"))
        .orderBy("snapshot")
        .collect()
    )
    columns = ["snapshot", "rows", "iterations with a row", "highest iteration", "sum of Layer", "phantom rows"]
    job.highlights = [
        columns,
        *([row.snapshot, row["rows"], row.iterations, row.highest, round(row.layer, 2), row.phantom] for row in found),
    ]


def compute(spark: SparkSession, args: argparse.Namespace, job: jobkit.Job) -> None:
    withdrawn = find_withdrawn(spark, args)
    jobfiles.load_new_files(spark, args.input, TABLES, losskit.FILES, job, lambda files: load(spark, files, withdrawn, args, job))
    if withdrawn:
        withdraw(spark, withdrawn, job)


def arguments() -> argparse.ArgumentParser:
    parser = jobkit.Arguments("losses-land", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", required=True, help="the folder that holds a folder for each snapshot, as a URI")
    parser.add_argument("--max-rejected", type=jobkit.share, default=0.0, help="share of lines that may be no rows, 0 to 1")
    return parser


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobkit.run("losses-land", arguments(), compute, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
