"""A filter on what was parsed from a line does not have the line parsed again."""

import contextlib
import io
from collections.abc import Callable
from typing import Any

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import tracelines
from events import windows
from losses import land as losses
from sensors import land as sensors
from wdi import land as wdi

HEADER = ["Country Name", "Country Code", "Indicator Name", "Indicator Code", "2000", "2001"]
HOW = {"events": "split(value", "sensors": "parseJson("}  # the others: by from_csv
PARSERS: dict[str, Callable[[DataFrame], DataFrame]] = {
    "events": windows.parse_lines,
    "losses": losses.parse_lines,
    "sensors": lambda lines: sensors.parse(lines.withColumn("modified", F.current_timestamp())),
    "task_usage": lambda lines: tracelines.parse(lines, "task_usage"),
    "wdi": lambda lines: wdi.to_rows(wdi.parse(lines, HEADER, [2000, 2001])),
}


def explain(frame: DataFrame) -> str:
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        frame.explain("simple")
    return told.getvalue()


@pytest.mark.parametrize("name", PARSERS)
def test_a_line_is_parsed_once(spark: Any, name: str) -> None:
    lines = spark.createDataFrame([("file", "a,b")], "source_file STRING, value STRING").repartition(2)
    plan = explain(PARSERS[name](lines).where("reason IS NULL"))
    assert plan.count(HOW.get(name, "from_csv(")) == 1, plan
