"""What is the mean of each indicator in a country, and how many years is it made of?

From: yard.trusted.wdi_land
To:   yard.refined.wdi_means  a row for each country, and for each aggregate of countries: of every indicator its mean and its years

A year without a value is left out of the mean, it is no zero; `…_years` says how many there are, of `years_asked`. A country that lacks an
indicator has no mean of it and 0 years.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

import jobanswers
import jobkit
import wdikit


def answer(inputs: jobanswers.Inputs, _: argparse.Namespace) -> DataFrame:
    """One pass: an indicator is a condition."""
    rows = inputs[wdikit.ROWS]
    asked = rows.agg(F.count_distinct("year").cast("int").alias("years_asked"))
    cells = [column for name in wdikit.INDICATORS.values() for column in (mean(name).alias(name), years(name).alias(f"{name}_years"))]
    return rows.groupBy("country", "country_code", "is_aggregate").agg(*cells).crossJoin(F.broadcast(asked))


def mean(indicator: str) -> Column:
    """Summed as decimals: of doubles the last digits would hang on the order of rows."""
    total = F.sum(F.when(F.col("indicator") == indicator, F.col("value")).cast("decimal(28, 12)"))
    return F.try_divide(total.cast("double"), years(indicator))


def years(indicator: str) -> Column:
    return F.count_if((F.col("indicator") == indicator) & F.col("value").isNotNull())


def tell(rows: Sequence[Row], _: Row, job: jobkit.Job) -> None:
    job.check("no mean without a year, no year without a mean", all(is_whole(row) for row in rows))
    asked = rows[0].years_asked
    countries = [row for row in rows if not row.is_aggregate]
    job.facts |= {"countries": len(countries), "aggregates": len(rows) - len(countries), "years_asked": asked}
    job.highlights = [["indicator", "countries with a value", "with every year", "coverage"]]
    for name in wdikit.INDICATORS.values():
        found = [row[f"{name}_years"] for row in countries]
        share = sum(found) / (asked * len(countries)) if countries else None
        job.highlights.append([name, sum(count > 0 for count in found), sum(count == asked for count in found), share])


def is_whole(row: Row) -> bool:
    return all(
        (row[name] is None) == (row[f"{name}_years"] == 0) and row[f"{name}_years"] <= row.years_asked
        for name in wdikit.INDICATORS.values()
    )


QUESTION = jobanswers.Question(
    job="wdi-means",
    about=__doc__,
    code=__file__,
    table=wdikit.MEANS,
    reads={wdikit.ROWS: ["country", "country_code", "is_aggregate", "indicator", "year", "value"]},
    answer=answer,
    tell=tell,
    plot={
        "table": wdikit.MEANS,
        "kind": "scatter",
        "x": "life_expectancy",
        "y": ["adult_mortality_female", "adult_mortality_male"],
        "title": "Life expectancy and adult mortality",
        "caption": "A point for each country and aggregate: means of the years that have a value; deaths of 15 to 60 per 1,000 adults.",
    },
)


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobanswers.run(QUESTION, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
