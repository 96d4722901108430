"""The usual for wdi: every question reads the CSV file itself, infers its schema, and asks Spark for one country after the other:
usual_wdi.py PORT FOLDER MASTER HEAP
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from statistics import fmean
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from worker import Rows, serve

from sparkyard.samples.wdi import AGGREGATES, INDICATORS

YEARS = [str(year) for year in range(2000, 2025)]
LIFE, WOMEN, MEN, WOMEN_DIE, MEN_DIE, _ = INDICATORS
Means = dict[str, tuple[float | None, int]]


def start(master: str, heap: str) -> Callable[[], Rows]:
    SparkSession.builder.master(master).config("spark.driver.memory", heap).getOrCreate()
    return list


def each_country(folder: str) -> Iterator[tuple[str, str, Means]]:
    frame = SparkSession.builder.getOrCreate().read.csv(f"{folder}/WDICSV.csv", header=True, inferSchema=True)
    wanted = frame.where(F.col("Indicator Code").isin(*INDICATORS)).select("Country Code", "Country Name", "Indicator Code", *YEARS)
    for (code,) in wanted.select("Country Code").distinct().collect():
        rows = wanted.where(F.col("Country Code") == code).collect()
        yield code, rows[0]["Country Name"], dict.fromkeys(INDICATORS, (None, 0)) | {row["Indicator Code"]: mean(row) for row in rows}


def mean(row: Any) -> tuple[float | None, int]:
    values = [float(row[year]) for year in YEARS if row[year] is not None]
    return (fmean(values) if values else None), len(values)


def find_means(folder: str) -> Rows:
    return [[code, name, *(cell for pair in means.values() for cell in pair)] for code, name, means in each_country(folder)]


def find_short_lives(folder: str) -> Rows:
    lives = [(means[LIFE], code) for code, _, means in each_country(folder) if code not in AGGREGATES]
    below = sorted((life, code, years) for (life, years), code in lives if life is not None and life < 70)
    return [[rank, code, life, years] for rank, (life, code, years) in enumerate(below, 1)]


def find_gaps(folder: str) -> Rows:
    groups = (WOMEN, MEN, WOMEN_DIE, MEN_DIE)
    found = [(code, *(means[name][0] for name in groups)) for code, _, means in each_country(folder) if code not in AGGREGATES]
    rows = [
        [code, less(women, men), divide(they_die, she_dies)] for code, women, men, she_dies, they_die in found if code not in AGGREGATES
    ]
    return [row for row in rows if row[1] is not None or row[2] is not None]


def less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def divide(one: float | None, other: float | None) -> float | None:
    return None if one is None or not other else one / other


QUESTIONS = {"means": find_means, "short-lives": find_short_lives, "gaps": find_gaps}


def ask(name: str, folder: str, master: str, heap: str) -> Callable[[], Rows]:
    start(master, heap)
    rows = QUESTIONS[name](folder)
    return lambda: rows


if __name__ == "__main__":
    port, folder, *size = sys.argv[1:]
    serve(int(port), {"start": partial(start, *size)} | {name: partial(ask, name, folder, *size) for name in QUESTIONS})
