"""Means and coverage against DuckDB; a year that is missing is no zero, the last one counts, a missing indicator shifts nothing."""

from typing import Any

import pytest
from apps.wdi.conftest import approx

import wdikit
from sparkyard.samples import wdi as sample
from wdi import means

pytestmark = pytest.mark.java
CELLS = ", ".join(
    f"avg(value) FILTER (indicator = '{name}'), count(value) FILTER (indicator = '{name}')" for name in wdikit.INDICATORS.values()
)


def test_every_cell_equals_duckdb(wdi: Any) -> None:
    found = [tuple(row) for row in wdi.spark.table(wdikit.MEANS).collect()]
    expected = wdi.duck.sql(f"SELECT country, country_code, is_aggregate, {CELLS}, 25 FROM wdi GROUP BY ALL").fetchall()
    assert sorted(found, key=repr) == approx(expected)
    assert wdi.means["facts"] == {"countries": 27, "aggregates": 5, "years_asked": 25}


def test_what_is_missing_is_left_out_and_shifts_nothing(wdi: Any) -> None:
    rows = {row.country_code: row for row in wdi.spark.table(wdikit.MEANS).collect()}
    country, year = sample.GAP
    others = wdi.duck.sql(f"SELECT value FROM wdi WHERE country_code = '{country}' AND indicator = 'life_expectancy' AND year <> {year}")
    values = [value for (value,) in others.fetchall()]
    assert (len(values), rows[country].life_expectancy_years) == (24, 24)
    assert rows[country].life_expectancy == pytest.approx(sum(values) / 24)
    for code, indicator in (sample.WITHOUT_LINE, sample.WITHOUT_VALUES):
        name = wdikit.INDICATORS[indicator]
        assert (rows[code][name], rows[code][f"{name}_years"]) == (None, 0)
    assert rows["CUW"].adult_mortality_female_years == 25


def test_asked_again_nothing_is_written(wdi: Any) -> None:
    before = wdi.snapshots()
    assert "nothing_new" in means.main([], wdi.spark)["facts"]
    assert wdi.snapshots() == before
