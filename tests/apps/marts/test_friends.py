"""Friends against DuckDB, which looks at every pair of people there is; the pairs of the sample one by one."""

from datetime import date
from typing import Any

import pytest
from apps.marts.conftest import ALL, in_order

from marts import friends
from sparkyard.samples import marts as sample

pytestmark = pytest.mark.java
SQL = """
    WITH days AS (SELECT * FROM events WHERE date BETWEEN '{first}' AND '{last}'),
         places AS (SELECT * FROM days WHERE event_type = 'message' AND lat IS NOT NULL
                    QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY time DESC, message_id DESC) = 1),
         channels AS (SELECT DISTINCT user_id, subscription_channel AS channel FROM days WHERE event_type = 'subscription'),
         wrote AS (SELECT user_id AS a, message_to AS b FROM events WHERE event_type = 'message' AND date <= '{last}')
    SELECT a.user_id, b.user_id, a.city, (greatest(a.time, b.time) AT TIME ZONE 'UTC') AT TIME ZONE a.timezone,
           km(a.lat, a.lon, b.lat, b.lon)
    FROM places a JOIN places b ON a.user_id < b.user_id
    WHERE km(a.lat, a.lon, b.lat, b.lon) <= 1
      AND EXISTS (SELECT 1 FROM channels c JOIN channels d USING (channel) WHERE c.user_id = a.user_id AND d.user_id = b.user_id)
      AND NOT EXISTS (SELECT 1 FROM wrote w WHERE (w.a, w.b) IN ((a.user_id, b.user_id), (b.user_id, a.user_id)))"""


def check(marts: Any, first: date, last: date) -> set[tuple[int, int]]:
    """The pairs of a date, after each of their cells has been compared."""
    rows = in_order([tuple(row) for row in marts.spark.table(friends.MART.table).where(f"date = '{last}'").drop("date").collect()])
    expected = in_order(marts.duck.sql(SQL.format(first=first, last=last)).fetchall())
    assert [row[:4] for row in rows] == [row[:4] for row in expected]
    assert [row[4] for row in rows] == pytest.approx([row[4] for row in expected], abs=1e-6)
    return {row[:2] for row in rows}


def test_every_cell_equals_duckdb(marts: Any) -> None:
    result = friends.main([*ALL], marts.spark)
    pairs = check(marts, sample.FIRST, sample.LAST)
    for first in (1, 1 + sample.ROLES):
        assert (first + 6, first + 7) in pairs, "0.99 km"
        assert (first + 8, first + 9) not in pairs, "1.01 km, which rounded is 1 km"
        assert not {(first + 10, first + 11), (first + 12, first + 13)} & pairs, "one wrote to the other, whichever"
    assert result["rows"]["written"] == len(pairs)


def test_who_ever_wrote_is_no_stranger(marts: Any) -> None:
    """They wrote on the sixth day, which is not among the days of this run; nor is the channel that they share."""
    friends.main(["--date", str(sample.LAST), "--depth", "52"], marts.spark)
    assert (11, 12) not in check(marts, date(2022, 3, 14), sample.LAST)
