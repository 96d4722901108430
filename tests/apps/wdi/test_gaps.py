"""Gaps between women and men against DuckDB; a country that lacks one group has no such figure."""

from typing import Any

import pytest
from apps.wdi.conftest import approx

from wdi import gaps

pytestmark = pytest.mark.java
SQL = """PIVOT (SELECT country, country_code, indicator, value FROM wdi WHERE NOT is_aggregate)
    ON indicator IN ('life_expectancy_female', 'life_expectancy_male', 'adult_mortality_female', 'adult_mortality_male') USING avg(value)"""


def test_every_cell_equals_duckdb(wdi: Any) -> None:
    result = gaps.main([], wdi.spark)
    rows = [tuple(row) for row in wdi.spark.table(gaps.TABLE).collect()]
    expected = [(*row, minus(row[2], row[3]), over(row[5], row[4])) for row in wdi.duck.sql(SQL).fetchall()]
    assert sorted(rows, key=repr) == approx(expected)
    assert [row[7] for row in rows if row[1] == "CUW"] == [None]
    assert result["facts"] == {"countries": 27, "with_life_gap": 27, "women_live_longer_in": 27}


def minus(left: float | None, right: float | None) -> float | None:
    return None if left is None or right is None else left - right


def over(left: float | None, right: float | None) -> float | None:
    return None if left is None or right is None else left / right
