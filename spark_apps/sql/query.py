"""Answers one query as a table: what `sparkyard sql --engine spark` runs for what is too large for one machine.

From: whatever the query names
To:   the table that --to names, which must not be there yet; `_row` numbers the rows in the query's order
"""

import argparse
import logging
from collections.abc import Sequence
from typing import Any

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import jobkit


def plan(spark: SparkSession, query: str) -> DataFrame:
    """In brackets it can be nothing but a query."""
    logging.getLogger("SQLQueryContextLogger").disabled = True  # would put Java's whole stack before our words
    spark.sql("SET CATALOG yard")
    try:
        return spark.sql(f"SELECT * FROM (\n{query.strip().rstrip(';')}\n)")
    except AnalysisException as error:  # a ParseException is one, too
        raise jobkit.UsageError(f"--query: {jobkit.explain(error).splitlines()[0]}") from error


def compute(spark: SparkSession, args: argparse.Namespace, job: jobkit.Job) -> None:
    with job.phase("plan"):
        rows = plan(spark, args.query)
        spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {args.to.rpartition('.')[0]}")
    with job.phase("answer"):
        numbered = rows.select(F.monotonically_increasing_id().alias("_row"), "*")
        numbered.writeTo(args.to).using("iceberg").option("snapshot-property.sparkyard.run-id", job.run_id).create()
    job.tables.append(args.to)
    job.rows["written"] = spark.table(args.to).count()


def arguments() -> argparse.ArgumentParser:
    parser = jobkit.Arguments("sql-query", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--query", required=True, help="one query; tables are yard.<layer>.<name>")
    parser.add_argument("--to", required=True, help="the table for the answer")
    return parser


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobkit.run("sql-query", arguments(), compute, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
