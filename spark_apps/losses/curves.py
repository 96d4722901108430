"""What does a layer lose in a year, on average and in bad years?

From: yard.trusted.losses_land
To:   yard.refined.losses_curves  one row for each snapshot, region, layer and return period

Average annual loss: the sum of all losses / iterations; iterations without a loss count as zero. The occurrence curve ranks the years by
their largest occurrence, the aggregate curve by their sum: the loss of a return period of T years is the largest that is reached or
exceeded in at least iterations / T years. It is null where T is more than the iterations, and zero where fewer years than that had a
loss. Several rows of one event on one day of one iteration are one occurrence. What is usually got wrong: years without a loss are left
out.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

import jobanswers
import jobkit
import losskit

TABLE = "yard.refined.losses_curves"
PERIODS = [2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 5000, 10000]


def answer(inputs: jobanswers.Inputs, args: argparse.Namespace) -> DataFrame:
    """The years of a group become two sorted arrays: the loss of any rank is looked up, and nothing is sorted twice."""
    rows = inputs[losskit.ROWS]
    sorted_losses = [F.sort_array(F.collect_list(name), asc=False).alias(name) for name in ("sum", "largest")]
    groups = losskit.years(rows, args.loss).groupBy(*losskit.GROUP).agg(*sorted_losses)
    counted = groups.join(F.broadcast(losskit.iterations(rows, args.iterations)), "snapshot").withColumn("mean", mean())
    points = counted.withColumns({"basis": F.lit(args.loss), "deviation": deviation()}).withColumn("period", F.explode(F.lit(args.periods)))
    return points.select(
        *losskit.GROUP,
        F.col("period").cast("int").alias("return_period"),
        "basis",
        "iterations",
        F.size("sum").cast("bigint").alias("iterations_with_rows"),
        F.col("mean").alias("average_annual_loss"),
        F.col("deviation").alias("standard_deviation"),
        reached("largest").alias("occurrence_loss"),
        reached("sum").alias("aggregate_loss"),
    )


def mean() -> Column:
    total = F.aggregate("sum", F.lit(0).cast("decimal(38, 6)"), lambda total, loss: (total + loss).cast("decimal(38, 6)"))
    return total.cast("double") / F.col("iterations")


def deviation() -> Column:
    """Of the sample: years without rows differ from the mean by all of it. In sorted order, so that the last digits are always the same."""
    seen = F.aggregate("sum", F.lit(0.0), lambda total, loss: total + F.pow(loss.cast("double") - F.col("mean"), F.lit(2)))
    unseen = (F.col("iterations") - F.size("sum")) * F.pow("mean", F.lit(2))
    return F.sqrt(F.try_divide(seen + unseen, F.col("iterations") - 1))


def reached(losses: str) -> Column:
    """The loss whose rank is the first that makes up iterations / T years; a year that won is a year without a loss."""
    place = F.ceil(F.col("iterations") / F.col("period")).cast("int")
    loss = F.greatest(F.coalesce(F.try_element_at(F.col(losses), place).cast("double"), F.lit(0.0)), F.lit(0.0))
    return F.when(F.col("period") <= F.col("iterations"), loss)


def tell(rows: Sequence[Row], facts: Row, job: jobkit.Job) -> None:
    losskit.tell(rows, facts, job)
    groups = [row for row in rows if row.return_period == rows[0].return_period]
    total, averages = float(facts[rows[0].basis]), sum(row.average_annual_loss * row.iterations for row in groups)
    job.check("average annual losses x iterations = all losses", abs(total - averages) <= 1e-9 * max(abs(total), 1.0))
    job.facts |= {"groups": len(groups), "total_loss": total}
    worst = sorted(groups, key=lambda row: -row.average_annual_loss)[:10]
    columns = ["snapshot", "region", "layer", "average annual loss", "deviation"]
    values = (
        [row.snapshot, row.RegionID, row.LayerID, round(row.average_annual_loss, 2), round(row.standard_deviation or 0, 2)] for row in worst
    )
    job.highlights = [columns, *values]


def periods(text: str) -> list[int]:
    return sorted({jobkit.whole(1, 10**6)(part) for part in text.split(",")})


def options(parser: argparse.ArgumentParser) -> None:
    losskit.add_options(parser)
    parser.add_argument("--periods", type=periods, default=PERIODS, help="return periods in years, as in 10,100,250")


QUESTION = jobanswers.Question(
    job="losses-curves",
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
        "x": "return_period",
        "y": ["occurrence_loss", "aggregate_loss"],
        "title": "Losses by return period, each layer of each region",
        "caption": "The loss reached or exceeded in iterations / T years: by the largest occurrence of a year, and by its sum.",
    },
)


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobanswers.run(QUESTION, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
