"""Where do people live less than 70 years?

From: yard.refined.wdi_means
To:   yard.refined.wdi_short_lives  the countries whose mean total life expectancy is below --below, shortest first by rank

Aggregates of countries are none. A country without any value is not below anything: how many there are is told. `coverage` is the share of
the years asked for that have a value: a mean of few years says little.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession, Window
from pyspark.sql import functions as F

import jobanswers
import jobkit
import wdikit

LIFE = "life_expectancy"


def answer(inputs: jobanswers.Inputs, args: argparse.Namespace) -> DataFrame:
    short = inputs[wdikit.MEANS].where(~F.col("is_aggregate") & (F.col(LIFE) < args.below))
    ranked = short.withColumn("rank", F.row_number().over(Window.partitionBy(F.lit(1)).orderBy(LIFE, "country_code")))
    coverage = (F.col(f"{LIFE}_years") / F.col("years_asked")).alias("coverage")
    return ranked.select("rank", "country", "country_code", LIFE, F.col(f"{LIFE}_years").alias("years"), coverage)


def facts(inputs: jobanswers.Inputs) -> DataFrame:
    countries = inputs[wdikit.MEANS].where(~F.col("is_aggregate"))
    return countries.agg(F.count("*").alias("countries"), F.count_if(F.col(LIFE).isNull()).alias("unknown"))


def tell(rows: Sequence[Row], found: Row, job: jobkit.Job) -> None:
    job.facts |= {"countries": found.countries, "without_a_value": found.unknown, "below": len(rows)}
    shown = [[row.rank, row.country, row[LIFE], f"{row.coverage:.0%}"] for row in rows[:10]]
    job.highlights = [["rank", "country", "life expectancy", "years known"], *shown]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--below", type=float, default=70.0, help="years")


QUESTION = jobanswers.Question(
    job="wdi-short-lives",
    about=__doc__,
    code=__file__,
    table="yard.refined.wdi_short_lives",
    reads={wdikit.MEANS: ["country", "country_code", "is_aggregate", LIFE, f"{LIFE}_years", "years_asked"]},
    answer=answer,
    facts=facts,
    tell=tell,
    options=options,
    plot={
        "table": "yard.refined.wdi_short_lives",
        "kind": "bar",
        "x": "country_code",
        "y": [LIFE],
        "title": "Countries with short lives",
        "caption": "Mean life expectancy at birth over the years that have a value.",
    },
)


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobanswers.run(QUESTION, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
