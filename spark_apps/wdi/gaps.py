"""How much longer do women live, and how many more men die early?

From: yard.refined.wdi_means
To:   yard.refined.wdi_gaps  a row for each country that has values of both groups: life expectancy and adult mortality of women and men

life_gap is women's expectancy less men's, in years; mortality_ratio is men's mortality divided by women's. What one group lacks leaves the
country without that figure, it is no zero.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

import jobanswers
import jobkit
import wdikit

TABLE = "yard.refined.wdi_gaps"
GROUPS = [f"{what}_{group}" for what in ("life_expectancy", "adult_mortality") for group in ("female", "male")]


def answer(inputs: jobanswers.Inputs, _: argparse.Namespace) -> DataFrame:
    countries = inputs[wdikit.MEANS].where(~F.col("is_aggregate"))
    gap = F.col("life_expectancy_female") - F.col("life_expectancy_male")
    ratio = F.try_divide("adult_mortality_male", "adult_mortality_female")
    figures = countries.select("country", "country_code", *GROUPS, gap.alias("life_gap"), ratio.alias("mortality_ratio"))
    return figures.where(F.col("life_gap").isNotNull() | F.col("mortality_ratio").isNotNull())


def tell(rows: Sequence[Row], _: Row, job: jobkit.Job) -> None:
    lives = sorted((row for row in rows if row.life_gap is not None), key=lambda row: (-row.life_gap, row.country_code))
    job.facts |= {"countries": len(rows), "with_life_gap": len(lives), "women_live_longer_in": sum(row.life_gap > 0 for row in lives)}
    shown = [[row.country, row.life_gap, row.mortality_ratio] for row in lives[:10]]
    job.highlights = [["country", "years that women live longer", "men's mortality / women's"], *shown]


QUESTION = jobanswers.Question(
    job="wdi-gaps",
    about=__doc__,
    code=__file__,
    table=TABLE,
    reads={wdikit.MEANS: ["country", "country_code", "is_aggregate", *GROUPS]},
    answer=answer,
    tell=tell,
    plot={
        "table": TABLE,
        "kind": "scatter",
        "x": "life_gap",
        "y": ["mortality_ratio"],
        "title": "Women's longer lives and men's earlier deaths",
        "caption": "A point for each country: years that women live longer, and men's adult mortality divided by women's.",
    },
)


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobanswers.run(QUESTION, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
