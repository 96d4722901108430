"""Which events cost a layer most?

From: yard.trusted.losses_land
To:   yard.refined.losses_top_events  one row for each snapshot, region, layer and rank

An event's share of the average annual loss: all that it cost in any iteration / iterations. Events are those of one event set: a number
may be used by another set for another event. Ties go to the lower number, so that the answer is the same every run.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession, Window
from pyspark.sql import functions as F

import jobanswers
import jobkit
import losskit

TABLE = "yard.refined.losses_top_events"


def answer(inputs: jobanswers.Inputs, args: argparse.Namespace) -> DataFrame:
    rows = inputs[losskit.ROWS]
    by_event = losskit.occurrences(rows, args.loss).groupBy(*losskit.GROUP, "EventSetID", "EventID")
    costs = by_event.agg(F.sum("loss").alias("loss"), F.count("*").alias("occurrences"), F.max("loss").alias("largest"))
    first = Window.partitionBy(*losskit.GROUP).orderBy(F.desc("loss"), "EventSetID", "EventID")
    ranked = costs.withColumn("rank", F.row_number().over(first)).where(F.col("rank") <= args.top)
    counted = ranked.join(F.broadcast(losskit.iterations(rows, args.iterations)), "snapshot")
    return counted.select(
        *losskit.GROUP,
        "rank",
        "EventSetID",
        "EventID",
        F.lit(args.loss).alias("basis"),
        "iterations",
        "occurrences",
        (F.col("loss").cast("double") / F.col("iterations")).alias("average_annual_loss"),
        F.col("largest").cast("double").alias("largest_occurrence"),
    )


def tell(rows: Sequence[Row], facts: Row, job: jobkit.Job) -> None:
    losskit.tell(rows, facts, job)
    worst = sorted(rows, key=lambda row: -row.average_annual_loss)[:10]
    columns = ["snapshot", "region", "layer", "event", "occurrences", "average annual loss"]
    values = ([row.snapshot, row.RegionID, row.LayerID, row.EventID, row.occurrences, round(row.average_annual_loss, 2)] for row in worst)
    job.highlights = [columns, *values]


def options(parser: argparse.ArgumentParser) -> None:
    losskit.add_options(parser)
    parser.add_argument("--top", type=jobkit.whole(1, 1000), default=10, help="how many events of each layer to keep")


QUESTION = jobanswers.Question(
    job="losses-top-events",
    about=__doc__,
    code=__file__,
    table=TABLE,
    reads=losskit.READS,
    answer=answer,
    facts=losskit.facts,
    tell=tell,
    options=options,
    plot={
        "table": TABLE,
        "kind": "scatter",
        "x": "rank",
        "y": ["average_annual_loss"],
        "title": "The events that cost most, each layer of each region",
        "caption": "All that an event cost in any iteration / iterations, by its rank in the layer.",
    },
)


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobanswers.run(QUESTION, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
