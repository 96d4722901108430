"""What all answers share: a new one takes the place of the old one at once, and the table's history goes on."""

from typing import Any

import pytest
from pyspark.sql import functions as F

import jobanswers
import jobchanges
import jobkit

pytestmark = pytest.mark.java
TABLE = "yard.refined.trace_answers_test"


def replace(yard: Any, rows: Any) -> None:
    jobanswers.replace(rows, TABLE, {"sparkyard.answer-key": "k"}, jobkit.Job("trace-answers-test"))


def history(yard: Any) -> list[int]:
    """The snapshots that the current one descends from, the oldest first."""
    return [
        row.snapshot_id for row in yard.spark.table(f"{TABLE}.history").where("is_current_ancestor").orderBy("made_current_at").collect()
    ]


def test_history_survives_a_second_answer_that_differs(yard: Any) -> None:
    yard.spark.sql("CREATE NAMESPACE yard.refined")
    replace(yard, yard.spark.range(3))
    replace(yard, yard.spark.range(1, 5))
    assert yard.rows(TABLE) == [(1,), (2,), (3,), (4,)]
    first, second = history(yard)
    changes = jobchanges.list_changes(yard.spark, TABLE, first, second)
    assert sorted((row.id, row._change_type) for row in changes.collect()) == [(0, "DELETE"), (3, "INSERT"), (4, "INSERT")]
    assert yard.spark.read.option("versionAsOf", first).table(TABLE).count() == 3
    said = jobanswers.last_commit(yard.spark, TABLE)
    assert said["sparkyard.answer-key"] == "k"
    assert said["sparkyard.run-id"].startswith("trace-answers-test-")
    replace(yard, yard.spark.range(2).withColumn("more", F.lit("text")))
    assert yard.rows(TABLE) == [(0, "text"), (1, "text")], "other columns make another table"
    replace(yard, yard.spark.range(2).select(F.lit("text").alias("more")))
    assert yard.spark.table(TABLE).columns == ["more"]


def test_an_answer_that_is_interrupted_leaves_the_old_one(yard: Any) -> None:
    yard.spark.sql("CREATE NAMESPACE yard.refined")
    replace(yard, yard.spark.range(3))
    before = history(yard)
    broken = F.when(F.col("id") == 7, F.raise_error(F.lit("killed"))).otherwise(F.col("id")).cast("bigint")
    with pytest.raises(Exception, match="killed"):
        replace(yard, yard.spark.range(0, 10, 1, 2).select(broken.alias("id")))
    assert yard.rows(TABLE) == [(0,), (1,), (2,)]
    assert history(yard) == before
