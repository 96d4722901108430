"""Which versions has the schema of the sensors had, and since when?

From: yard.trusted.sensors_land
To:   yard.refined.sensors_catalogue   a row for each version: the day it first appeared, what it added, and all that it knows
      yard.refined.sensors_parameters  a row for each parameter and type: since when, until when, how often, from how many sensors

A version begins on a day on which any sensor sends a parameter that none has sent before, or one in a type that it never had. Days are
those of the readings, not of the files: one that comes late counts where it belongs, and versions are numbered anew. A null has no type.
"""

import argparse
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from pyspark.sql import Column, DataFrame, Row, SparkSession, Window
from pyspark.sql import functions as F

import jobanswers
import jobkit
from sensorkit import NOTHING, READINGS

TABLE = "yard.refined.sensors_catalogue"
PARAMETERS = "yard.refined.sensors_parameters"


def answer(inputs: jobanswers.Inputs, _: argparse.Namespace) -> DataFrame:
    """Few rows from the first group-by on."""
    seen = [F.min("date").alias("first_date"), F.max("date").alias("last_date"), F.count("*").alias("readings")]
    typed = inputs[READINGS].where(F.col("type") != NOTHING)
    parameters = typed.groupBy("parameter", "type").agg(*seen, F.count_distinct("sensor").alias("sensors"))
    known = F.struct("parameter", "type", "last_date", "readings", "sensors")
    days = parameters.groupBy("first_date").agg(F.array_sort(F.collect_list(known)).alias("added"))
    in_turn = Window.partitionBy(F.lit(1)).orderBy("first_date")
    schema = F.array_sort(F.flatten(F.collect_list(F.transform("added", name_of)).over(in_turn)))
    return days.select(
        F.row_number().over(in_turn).alias("version"), "first_date", "added", F.size(schema).alias("known"), schema.alias("schema")
    )


def name_of(parameter: Column) -> Column:
    return F.concat_ws(" ", parameter["parameter"], parameter["type"])


def list_parameters(versions: DataFrame, _: argparse.Namespace) -> DataFrame:
    listed = versions.select("version", "first_date", F.explode("added").alias("of"))
    return listed.select("of.parameter", "of.type", "version", "first_date", "of.last_date", "of.readings", "of.sensors")


def tell(rows: Sequence[Row], _: Row, job: jobkit.Job) -> None:
    types: dict[str, set[str]] = {}
    for of in (of for row in rows for of in row.added):
        types.setdefault(of.parameter, set()).add(of.type)
    job.check("versions begin one after another", all(a.first_date < b.first_date for a, b in pairwise(rows)))
    changed = {name: sorted(kinds) for name, kinds in sorted(types.items()) if len(kinds) > 1}
    job.facts |= {"versions": len(rows), "parameters": len(types), "of_several_types": changed}
    told = [[row.version, f"{row.first_date}", ", ".join(f"{of.parameter} {of.type}" for of in row.added)] for row in rows[-10:]]
    job.highlights = [["version", "since", "added"], *told]


QUESTION = jobanswers.Question(
    job="sensors-catalogue",
    about=__doc__,
    code=__file__,
    table=TABLE,
    reads={READINGS: ["date", "sensor", "parameter", "type"]},
    answer=answer,
    tell=tell,
    parts={PARAMETERS: list_parameters},
    plot={
        "table": TABLE,
        "kind": "line",
        "x": "first_date",
        "y": ["known"],
        "title": "Parameters that sensors send",
        "caption": "Parameters, in each of their types, by the day of the first reading that has them; a point for each version.",
    },
)


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobanswers.run(QUESTION, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
