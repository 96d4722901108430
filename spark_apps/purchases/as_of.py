"""What did the snapshot of a past day say?

From: yard.refined.purchases_fact, purchases_product, purchases_user
To:   yard.refined.purchases_as_of_purchases, …_products, …_users  the rows as they were on that day, and no others

It is told of which snapshot they are: the one of that day, or, where there was none, the last one before it. The tables are of one day:
asked for another, they are replaced. By SQL, any day: where valid_from <= day and (valid_to > day or current).
"""

import argparse
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import jobanswers
import jobkit
import purchasekit
from purchasekit import CHANGED, LISTS


def table_of(kind: purchasekit.List) -> str:
    return f"yard.refined.purchases_as_of_{kind.name}"


def find_snapshot(spark: SparkSession, on: date) -> date:
    """The last one until that day."""
    jobanswers.current_snapshot(spark, CHANGED)
    until = F.max(F.when(F.col("date") <= F.lit(on), F.col("date"))).alias("until")
    found = spark.table(CHANGED).agg(F.min("date").alias("first"), until).collect()[0]
    if not found.until:
        raise jobkit.InputError(f"there is no snapshot of {on} or before; the first is of {found.first}")
    return found.until  # type: ignore[no-any-return]


def compute(spark: SparkSession, args: argparse.Namespace, job: jobkit.Job) -> None:
    with job.phase("look for news"):
        day = find_snapshot(spark, args.as_of)
        versions = {kind.history: jobanswers.current_snapshot(spark, kind.history) for kind in LISTS}
        key = jobanswers.hash_asked([args.as_of, versions], [Path(__file__), Path(purchasekit.__file__)])
        before = jobanswers.last_commit(spark, table_of(LISTS[-1]))
    if before.get(jobanswers.KEY) == key:
        return jobanswers.repeat(before, job)
    job.facts |= {"as_of": f"{args.as_of}", "snapshot": f"{day}"}
    with job.phase("write"):
        for kind in LISTS:
            rows = spark.read.option("versionAsOf", versions[kind.history]).table(kind.history).where(purchasekit.was_so(args.as_of))
            counted = rows.count()
            job.rows["written"] += counted
            job.facts[kind.name] = counted
            said = {jobanswers.KEY: key, jobanswers.SAID: jobanswers.remember(job)} if kind == LISTS[-1] else {}
            jobanswers.replace(rows.select(*kind.columns).coalesce(1 + counted // jobanswers.ROWS_A_FILE), table_of(kind), said, job)
    return None


def arguments() -> argparse.ArgumentParser:
    parser = jobkit.Arguments("purchases-as-of", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    yesterday = datetime.now(UTC).date() - timedelta(1)
    day = jobkit.day(purchasekit.EARLIEST)
    parser.add_argument("--as-of", type=day, default=str(yesterday), help="YYYY-MM-DD; yesterday in UTC without")
    return parser


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobkit.run("purchases-as-of", arguments(), compute, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
