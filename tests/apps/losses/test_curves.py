"""Curves and averages against DuckDB, which lays out every year of every layer, the empty ones too, and ranks them."""

import statistics
from typing import Any

import pytest
from apps.losses.conftest import CURVES

import jobkit
from losses import curves

pytestmark = pytest.mark.java
PERIODS = [2, 10, 33, 100, 250, 1000, 10000, 20000]


@pytest.mark.parametrize(("loss", "iterations"), [("Layer", 10_000), ("NetLayer", None)])
def test_every_cell_equals_duckdb(losses: Any, loss: str, iterations: int | None) -> None:
    told = ["--iterations", str(iterations)] if iterations else []
    result = curves.main(["--loss", loss, "--periods", ",".join(map(str, PERIODS)), *told], losses.spark)
    expected = losses.duck.sql(CURVES.format(loss=loss, iterations=iterations or "max(Iteration)", periods=PERIODS)).fetchall()
    assert losses.rows(curves.TABLE) == approx(sorted(expected))
    assert len(expected) == result["rows"]["written"] == 2 * 3 * 12 * len(PERIODS)
    assert ("iterations_are" in result["facts"]) == (iterations is None)
    assert result["checks"] == {"average annual losses x iterations = all losses": True}


def approx(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [tuple(pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value for value in row) for row in rows]


def test_by_hand(yard: Any) -> None:
    """Ten years, three with rows: 100 = 60 + 40 on one day by two bindings, 30 and 50 on two days, and a gain of 5."""
    from apps.losses.test_land import put_lines, run

    def line(iteration: int, day: int, layer: float, binding: int) -> str:
        return f"{iteration},5,{day},42,1,1,{layer},0,0,3,0,0,0,{layer},0,{layer},{binding}"

    put_lines(yard, "base/a.csv", line(1, 8, 60, 1), line(1, 8, 40, 2), line(4, 8, 30, 1), line(4, 9, 50, 1), line(6, 1, -5, 1))
    run(yard)
    result = curves.main(["--iterations", "10", "--periods", "2,5,8,10,11"], yard.spark)
    rows = yard.rows(curves.TABLE, "return_period", "occurrence_loss", "aggregate_loss")
    assert rows == [(2, 0.0, 0.0), (5, 50.0, 80.0), (8, 50.0, 80.0), (10, 100.0, 100.0), (11, None, None)]
    assert yard.rows(curves.TABLE, "average_annual_loss", "iterations_with_rows")[0] == (17.5, 3)
    assert yard.rows(curves.TABLE, "standard_deviation")[0][0] == pytest.approx(statistics.stdev([100, 80, -5] + 7 * [0]))
    assert result["facts"]["total_loss"] == 175
    with pytest.raises(jobkit.InputError, match=r"--iterations 5 is too few: the files hold iteration 6"):
        curves.main(["--iterations", "5"], yard.spark)


def test_asked_again_nothing_is_written(losses: Any) -> None:
    curves.main(["--iterations", "10000"], losses.spark)
    before = losses.snapshots()
    again = curves.main(["--iterations", "10000"], losses.spark)
    assert "nothing_new" in again["facts"]
    assert losses.snapshots() == before


@pytest.mark.parametrize("wrong", [["--loss", "Premium"], ["--iterations", "0"], ["--periods", "10,x"], ["--periods", ""]])
def test_wrong_arguments_are_named(spark: Any, wrong: list[str]) -> None:
    with pytest.raises(jobkit.UsageError, match=wrong[0]):
        curves.main(wrong, spark)
