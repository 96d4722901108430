"""Makes and publishes a table, at every command: who is killed, run again, or run twice at once.

Commands: ["make", table, rows], ["change", table, version], ["whole" or "merge", table, target].
"""

from commands import obey
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import jobfiles
import jobkit
from sql import publish


def make(spark: SparkSession, table: str, rows: str) -> None:
    jobfiles.ensure_tables(spark, {table: ("id BIGINT, version BIGINT, value STRING", "")})
    value = F.sha2(F.col("id").cast("string"), 256).alias("value")
    spark.range(0, int(rows), 1, 4).select("id", F.lit(0).cast("bigint").alias("version"), value).writeTo(table).append()


def change(spark: SparkSession, table: str, version: str) -> None:
    """Every row is another, one has gone and one has come."""
    spark.sql(f"REFRESH TABLE {table}")
    later = spark.table(table).select((F.col("id") + 1).alias("id"), F.lit(int(version)).cast("bigint").alias("version"), "value")
    later.writeTo(table).overwrite(F.lit(True))


def answer(spark: SparkSession, command: str, table: str, argument: str) -> str:
    try:
        if command in ("whole", "merge"):
            more = ["--key", "id"] if command == "merge" else []
            publish.main(["--table", table, "--to", "db", "--into", argument, *more], spark)
        else:
            {"make": make, "change": change}[command](spark, table, argument)
    except Exception as error:
        return jobkit.explain(error)
    return ""


if __name__ == "__main__":
    obey(answer)
