"""Runs the jobs of a family one after the other, at every command: who is killed, and run again.

Commands: ["marts", date, depth], ["wdi", url, ""] and ["sensors", "", ""].
"""

import os

from commands import obey
from pyspark.sql import SparkSession

import jobkit
from marts import friends, mover, users, zones
from sensors import catalogue
from sensors import land as land_sensors
from wdi import gaps, ingest, land, means, short_lives

PLACES = ["--input", "s3a://raw/marts/events/", "--geo", "s3a://raw/marts/geo.csv", "--timezones", "s3a://raw/marts/timezones.csv"]


def run_marts(spark: SparkSession, date: str, depth: str) -> None:
    days = ["--date", date, "--depth", depth]
    mover.main([*PLACES, *days], spark)
    for mart in (users, zones, friends):
        mart.main(days, spark)


def run_wdi(spark: SparkSession, url: str, _: str) -> None:
    ingest.main(["--url", url], spark)
    land.main(["--input", "s3a://raw/wdi/"], spark)
    for answer in (means, short_lives, gaps):
        answer.main([], spark)


def run_sensors(spark: SparkSession, *_: str) -> None:
    land_sensors.main(["--input", "s3a://raw/sensors/"], spark)
    catalogue.main([], spark)


def answer(spark: SparkSession, family: str, *arguments: str) -> str:
    try:
        {"marts": run_marts, "wdi": run_wdi, "sensors": run_sensors}[family](spark, *arguments)
    except Exception as error:
        return jobkit.explain(error)
    return ""


if __name__ == "__main__":
    os.environ["SPARKYARD_RUN_ID"] = "kills"  # as the tries of one task, whose application has one name
    obey(answer)
