"""Proves a cluster alone: computes 2 rows × 3 columns, one row in each of two tasks, from nothing, to nothing but its result."""

import argparse
from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import jobkit


def greetings(numbers: DataFrame) -> DataFrame:
    return numbers.select("id", F.format_string("hello %d", "id").alias("greeting"), (F.col("id") * F.col("id")).alias("square"))


def compute(spark: SparkSession, args: argparse.Namespace, job: jobkit.Job) -> None:
    with job.phase("compute"):
        table = greetings(spark.range(1, 3, numPartitions=2))
        rows = [list(row) for row in table.orderBy("id").collect()]
    job.highlights = [table.columns, *rows]
    job.check("2 rows and 3 columns", (len(rows), len(table.columns)) == (2, 3))


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobkit.run("hello-hello", jobkit.Arguments("hello-hello", description=__doc__), compute, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
