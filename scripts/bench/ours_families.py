"""Ours: the real jobs of marts and wdi, each question from what has landed. Run by Spark's submit: ours_families.py PORT FAMILY"""

import importlib
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from pyspark.sql import SparkSession
from worker import Rows, serve

from sparkyard.samples.marts import DAYS, LAST

PLACES = ["--input", "s3a://raw/marts/events/", "--geo", "s3a://raw/marts/geo.csv", "--timezones", "s3a://raw/marts/timezones.csv"]
DATE = ["--date", str(LAST), "--depth", str(DAYS - 1)]
KINDS = ("message", "reaction", "subscription", "registration")
INDICATORS = ("life_expectancy", "life_expectancy_female", "life_expectancy_male", "adult_mortality_female", "adult_mortality_male")
MEANS = [cell for name in (*INDICATORS, "infant_deaths") for cell in (name, f"{name}_years")]


class Asked(NamedTuple):
    """The jobs that answer a question, and what of the last one's table is compared."""

    jobs: Sequence[str]
    columns: Sequence[str]
    arguments: Sequence[str] = ()


LANDING = {"marts": Asked(["marts.mover"], [], [*PLACES, *DATE]), "wdi": Asked(["wdi.land"], [], ["--input", "s3a://raw/wdi/"])}
USERS = ["user_id", "act_city", "home_city", "CAST(local_time AS STRING)", "travel_count", "array_join(travel_array, '>')"]
ZONES = ["city", "CAST(month AS STRING)", "CAST(week AS STRING)", *(f"{span}_{kind}s" for span in ("week", "month") for kind in KINDS)]
QUESTIONS = {
    "marts": {
        "users": Asked(["marts.users"], USERS, DATE),
        "zones": Asked(["marts.zones"], ZONES, DATE),
        "friends": Asked(["marts.friends"], ["user_left", "user_right", "zone", "CAST(local_time AS STRING)", "distance_km"], DATE),
    },
    "wdi": {
        "means": Asked(["wdi.means"], ["country_code", "country", *MEANS]),
        "short-lives": Asked(["wdi.means", "wdi.short_lives"], ["rank", "country_code", "life_expectancy", "years"]),
        "gaps": Asked(["wdi.means", "wdi.gaps"], ["country_code", "life_gap", "mortality_ratio"]),
    },
}


def start() -> Callable[[], Rows]:
    SparkSession.builder.getOrCreate()
    return list


def ask(asked: Asked) -> Callable[[], Rows]:
    results = [importlib.import_module(job).main([*asked.arguments]) for job in asked.jobs]
    return partial(take, [table for result in results for table in result["tables"]], asked.columns)


def take(tables: Sequence[str], columns: Sequence[str]) -> Rows:
    """Rows of the last table; answers are taken away, so that the next one is found anew."""
    if not columns:
        return []
    spark = SparkSession.builder.getOrCreate()
    rows = [list(row) for row in spark.table(tables[-1]).selectExpr(*columns).collect()]
    for table in tables:
        spark.sql(f"DROP TABLE {table} PURGE")
    return rows


if __name__ == "__main__":
    port, family = sys.argv[1:]
    questions = {"landing": LANDING[family], **QUESTIONS[family]}
    serve(int(port), {"start": start} | {name: partial(ask, asked) for name, asked in questions.items()})
