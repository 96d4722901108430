"""Zones against DuckDB, which counts weeks and months apart and joins them."""

from datetime import date
from typing import Any

import pytest
from apps.marts.conftest import ALL, in_order

from marts import zones
from sparkyard.samples import marts as sample

pytestmark = pytest.mark.java
SQL = """
    WITH firsts AS (SELECT * FROM events WHERE event_type = 'message' AND date <= '{last}'
                    QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY time, message_id) = 1),
         happened AS (SELECT event_type AS kind, city_id, city, date FROM events
                      UNION ALL SELECT 'registration', city_id, city, date FROM firsts),
         dated AS (SELECT *, date_trunc('month', date)::DATE AS month, date_trunc('week', date)::DATE AS week FROM happened
                   WHERE date BETWEEN '{first}' AND '{last}'),
         weeks AS (SELECT city_id, week, {counts} FROM dated GROUP BY ALL),
         months AS (SELECT city_id, month, {counts} FROM dated GROUP BY ALL)
    SELECT r.city_id, r.city, r.month, r.week, w.* EXCLUDE (city_id, week), m.* EXCLUDE (city_id, month)
    FROM (SELECT DISTINCT city_id, city, month, week FROM dated) r
    JOIN weeks w ON w.city_id IS NOT DISTINCT FROM r.city_id AND w.week = r.week
    JOIN months m ON m.city_id IS NOT DISTINCT FROM r.city_id AND m.month = r.month"""
COUNTS = ", ".join(f"count(*) FILTER (kind = '{kind}') AS {kind}" for kind in zones.KINDS)


def of_date(marts: Any, day: date) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in marts.spark.table(zones.TABLE).where(f"date = '{day}'").drop("date").collect()]


def test_every_cell_equals_duckdb(marts: Any) -> None:
    result = zones.main([*ALL], marts.spark)
    rows = of_date(marts, sample.LAST)
    assert in_order(rows) == in_order(marts.duck.sql(SQL.format(first=sample.FIRST, last=sample.LAST, counts=COUNTS)).fetchall())
    assert result["facts"]["registrations"] == 38
    assert result["checks"] == {"weeks add up to all events": True}
    assert result["plot"]["where"] == {"date": str(sample.LAST)}
    quiet = [row for row in rows if row[3] == date(2022, 3, 21)]
    assert {row[5] for row in quiet} == {0}, "a week that lacks one kind is there"
    assert any(row[1] is None for row in rows), "what happened at no known place is there, too"


def test_a_registration_is_the_first_message_of_all_times(marts: Any) -> None:
    zones.main(["--date", "2022-04-20", "--depth", "9"], marts.spark)
    rows = of_date(marts, date(2022, 4, 20))
    assert in_order(rows) == in_order(marts.duck.sql(SQL.format(first="2022-04-11", last="2022-04-20", counts=COUNTS)).fetchall())
    assert sum(row[7] for row in rows) == 0
