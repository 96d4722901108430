"""One write path of our jobs on made-up rows, at every command: the one that is killed, run again, or run twice at once.

Arguments: the rows of a batch, and the pipe that commands come by: a line of JSON each, [path, table, batch]. Each is answered by a line
`DONE "…"`, why it failed or nothing. The rows of a batch are the same whenever it is written, as those of a file are.
"""

import sys

from commands import obey
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import jobfiles
import jobkit
from lake import upkeep

COLUMNS = "id BIGINT, batch STRING, value STRING, source_id STRING"
ROWS = int(sys.argv[1])
TASKS = 12  # each leaves a file: so it takes a while from the first one to the commit
PARTITIONED = {"create": "source_id", "replace": "source_id"}
FIRST = {
    "base": (0, 0),
    "create": (0, ROWS),
    "append": (2 * ROWS, 3 * ROWS),
    "merge": (3 * ROWS // 2, 7 * ROWS // 4),
    "replace": (ROWS, ROWS),
}


def make_rows(spark: SparkSession, path: str, batch: str) -> DataFrame:
    """Batches a and b: of a merge they share half of their keys, of a replacement the partition `last`."""
    first = FIRST[path][batch == "b"]
    ids = spark.range(first, first + ROWS, 1, TASKS)
    value = F.sha2(F.concat_ws("-", F.lit(batch), "id"), 256).alias("value")
    return ids.select("id", F.lit(batch).alias("batch"), value, F.lit("last" if path == "replace" else batch).alias("source_id"))


def ensure(spark: SparkSession, path: str, table: str) -> None:
    jobfiles.ensure_tables(spark, {table: (COLUMNS, PARTITIONED.get(path, "")), f"{table}_files": (COLUMNS, "")})


def base(spark: SparkSession, path: str, table: str, job: jobkit.Job) -> None:
    """What the table holds before: twice the rows of a batch, in two partitions."""
    ensure(spark, path, table)
    ids = spark.range(0, 2 * ROWS, 1, 1)
    source = F.when(F.col("id") < ROWS, "first").otherwise("last").alias("source_id")
    jobfiles.append_rows(ids.select("id", F.lit("base").alias("batch"), F.col("id").cast("string").alias("value"), source), table, job)


def create(spark: SparkSession, table: str, batch: str, job: jobkit.Job) -> None:
    ensure(spark, "create", table)
    replace(spark, table, batch, job, "create")


def append(spark: SparkSession, table: str, batch: str, job: jobkit.Job) -> None:
    """As files enter the book: what it knows already does not enter again."""
    if jobfiles.read_anew(spark, table).where(F.col("batch") == batch).isEmpty():
        jobfiles.append_rows(make_rows(spark, "append", batch), table, job)


def merge(spark: SparkSession, table: str, batch: str, job: jobkit.Job) -> None:
    """As windows are renewed."""

    def write() -> None:
        jobfiles.read_anew(spark, table)
        spark.sql(
            f"MERGE INTO {table} old USING {{rows}} new ON old.id = new.id WHEN MATCHED AND old.value <> new.value THEN UPDATE SET * "
            "WHEN NOT MATCHED THEN INSERT *",
            rows=make_rows(spark, "merge", batch),
        )

    jobfiles.retry_conflicts(write)


def replace(spark: SparkSession, table: str, batch: str, job: jobkit.Job, path: str = "replace") -> None:
    """As a file's rows are replaced."""
    source = "last" if path == "replace" else batch

    def write() -> None:
        job.versions = jobfiles.current_versions(spark, [table])
        jobfiles.replace_rows(make_rows(spark, path, batch), table, F.col("source_id") == source, job)

    jobfiles.retry_conflicts(write)


def answer(spark: SparkSession, path: str, table: str, batch: str) -> str:
    job = jobkit.Job("kills")
    try:
        if batch == "base":
            base(spark, path, table, job)
        elif path == "upkeep":
            upkeep.main(["--table", table], spark)
        else:
            {"create": create, "append": append, "merge": merge, "replace": replace}[path](spark, table, batch, job)
    except Exception as error:
        return jobkit.explain(error)
    return ""


if __name__ == "__main__":
    obey(answer)
