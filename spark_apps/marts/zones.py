"""What happens in a city, week by week and month by month?

From: yard.trusted.marts_mover
To:   yard.refined.marts_zones  for a date, one row for each city, month and week in which anything happened in its days

Messages, reactions, subscriptions and registrations of the week and of the month. A week begins on Monday; one that lies in two months has
a row in each, and its own numbers in both. A registration is the first message that somebody ever wrote, where and when they wrote it. What
happened at no known place has a row without a city, so that nothing is missing from the sums.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

import jobkit
import martkit

TABLE = "yard.refined.marts_zones"
KINDS = ("message", "reaction", "subscription", "registration")
CITY = ("city_id", "city")


def answer(events: DataFrame, until: DataFrame, args: argparse.Namespace) -> DataFrame:
    happened = events.select(*CITY, "date", F.col("event_type").alias("kind")).unionByName(find_registrations(until, args))
    counts = happened.groupBy(*CITY, F.trunc("date", "month").alias("month"), F.trunc("date", "week").alias("week")).agg(
        *(F.count_if(F.col("kind") == kind).alias(kind) for kind in KINDS)
    )
    return counts.select(
        *CITY,
        "month",
        "week",
        *(total(kind, "week").alias(f"week_{kind}s") for kind in KINDS),
        *(total(kind, "month").alias(f"month_{kind}s") for kind in KINDS),
    )


def find_registrations(until: DataFrame, args: argparse.Namespace) -> DataFrame:
    """First messages of all times, those of the days that are asked for."""
    messages = until.where(F.col("event_type") == "message")
    firsts = messages.groupBy("user_id").agg(F.min_by(F.struct(*CITY, "date"), martkit.later()).alias("first"))
    dated = firsts.select("first.*", F.lit("registration").alias("kind"))
    return dated.where(F.col("date") >= F.lit(martkit.days(args)[0]))


def total(kind: str, span: str) -> Column:
    return F.sum(kind).over(Window.partitionBy(*CITY, span))


def tell(rows: DataFrame, _: DataFrame, job: jobkit.Job) -> None:
    """There are few rows. Each week once: of two rows of a week only one counts."""
    found = rows.collect()
    job.rows["written"] = len(found)
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for row in {(row.city_id, row.week): row for row in found}.values():
        sums[row.city or "no place"].update({kind: row[f"week_{kind}s"] for kind in KINDS})
    whole = sum(sums.values(), Counter[str]())
    job.check("weeks add up to all events", sum(whole[kind] for kind in KINDS[:3]) == job.rows["read"])
    job.facts |= {"cities": len({row.city for row in found} - {None}), "weeks": len({row.week for row in found})}
    job.facts |= {f"{kind}s": whole[kind] for kind in KINDS}
    largest = sorted(sums.items(), key=lambda city: (-city[1]["message"], city[0]))[:10]
    job.highlights = [["city", *(f"{kind}s" for kind in KINDS)], *([city, *(of[kind] for kind in KINDS)] for city, of in largest)]


MART = martkit.Mart(
    job="marts-zones",
    about=__doc__,
    code=__file__,
    table=TABLE,
    columns=", ".join(
        [
            "city_id INT",
            "city STRING",
            "month DATE",
            "week DATE",
            *(f"{span}_{kind}s BIGINT" for span in ("week", "month") for kind in KINDS),
        ]
    ),
    answer=answer,
    tell=tell,
    plot={
        "table": TABLE,
        "kind": "scatter",
        "x": "week",
        "y": [f"week_{kind}s" for kind in KINDS],
        "title": "What happens in each city, week by week",
        "caption": "Events of a week in a city, a point each, and what happened at no known place; first and last week may be cut off.",
    },
)


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return martkit.run(MART, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
