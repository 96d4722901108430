"""Means are exact and know no order, also over more rows than one BIGINT had room for."""

from fractions import Fraction
from random import Random
from typing import Any

import pytest
from apps.trace import kit
from pyspark.sql import functions as F

pytestmark = pytest.mark.java


@pytest.fixture(scope="module")
def trace() -> Any:
    kit.load_job("q9_hours")
    import tracekit

    return tracekit


@pytest.mark.parametrize("amount", [2.0**-21 - 2.0**-61, 2.0**-11 - 2.0**-50, 1e6])
def test_so_many_rows_of_one_sign_do_not_overflow(spark: Any, trace: Any, amount: float) -> None:
    """2^24 of the first were the end of a sum of 2^-60."""
    [found] = spark.range(2**24 + 2**20).select(F.lit(amount).alias("x")).agg(trace.mean("x")).collect()
    assert found[0] == pytest.approx(amount, rel=1e-15)


def test_the_order_of_rows_changes_no_digit(spark: Any, trace: Any) -> None:
    chance = Random(7)
    amounts = [chance.choice([chance.random(), chance.random() * 1e6, chance.random() * 1e-9]) for _ in range(5000)]
    exact = float(sum(map(Fraction, amounts)) / len(amounts))
    found = set()
    for _ in range(3):
        chance.shuffle(amounts)
        frame = spark.createDataFrame([(amount,) for amount in amounts], "x double").repartition(chance.randrange(1, 7))
        found.add(frame.agg(trace.mean("x")).collect()[0][0])
    [only] = found
    assert only == pytest.approx(exact, rel=1e-12)
