"""Users against plain Python over the same files, cell by cell, and the traps one by one; a run replaces its date alone."""

import random
from datetime import UTC, date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from apps.marts.conftest import ALL, in_order

from marts import users
from sparkyard.samples import marts as sample

pytestmark = pytest.mark.java
TABLE = users.MART.table
COLUMNS = ("user_id", "act_city", "home_city", "local_time", "travel_count", "travel_array")


def expected(marts: Any, first: date, last: date) -> list[tuple[Any, ...]]:
    rows = marts.duck.sql(f"""SELECT user_id, time, message_id, city, timezone FROM events
        WHERE event_type = 'message' AND date BETWEEN '{first}' AND '{last}' ORDER BY ALL""").fetchall()
    return [describe(user, [row[1:] for row in rows if row[0] == user], last) for user in sorted({row[0] for row in rows})]


def describe(user: int, messages: list[tuple[Any, ...]], last: date) -> tuple[Any, ...]:
    placed = [message for message in messages if message[2]]
    if not placed:
        return (user, None, None, None, 0, [])
    visits = [message for number, message in enumerate(placed) if number == 0 or placed[number - 1][2] != message[2]]
    ends = [visit[0].date() for visit in visits[1:]] + [last]
    homes = [visit[2] for visit, end in zip(visits, ends, strict=True) if (end - visit[0].date()).days >= 27]
    time, _, city, zone = placed[-1]
    local = time.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return (user, city, homes[-1] if homes else None, local, len(visits), [visit[2] for visit in visits])


def of_date(marts: Any, day: date) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in marts.spark.table(TABLE).where(f"date = '{day}'").select(*COLUMNS).collect()]


def test_every_cell_equals_plain_python_and_other_dates_are_left_alone(marts: Any) -> None:
    result = users.main([*ALL], marts.spark)
    assert in_order(of_date(marts, sample.LAST)) == in_order(expected(marts, sample.FIRST, sample.LAST))
    assert result["rows"]["written"] == 38, "who only reacts and subscribes has not written"
    users.main(["--date", "2022-04-10", "--depth", "20"], marts.spark)
    assert in_order(of_date(marts, date(2022, 4, 10))) == in_order(expected(marts, date(2022, 3, 21), date(2022, 4, 10)))
    users.main(["--date", "2022-04-10", "--depth", "3"], marts.spark)
    assert in_order(of_date(marts, date(2022, 4, 10))) == in_order(expected(marts, date(2022, 4, 7), date(2022, 4, 10)))
    assert in_order(of_date(marts, sample.LAST)) == in_order(expected(marts, sample.FIRST, sample.LAST))
    before = marts.snapshots()
    again = users.main([*ALL], marts.spark)
    assert marts.snapshots() == before
    assert "nothing_new" in again["facts"]
    assert again["highlights"] == result["highlights"]


def test_the_traps_one_by_one(marts: Any) -> None:
    """The first twenty people; cities are counted from the first one's."""
    users.main([*ALL], marts.spark)
    own = random.Random("marts 0 0 0").randrange(len(sample.CITIES))
    rows = {row[0] - 1: row for row in of_date(marts, sample.LAST)}

    def cities(*steps: int) -> list[str]:
        return [sample.CITIES[(own + step) % len(sample.CITIES)][0] for step in steps]

    assert (rows[0][2], rows[0][5]) == (*cities(0), cities(0)), "who never moves is at home"
    assert (rows[1][2], rows[1][5]) == (*cities(3), cities(0, 3, 7, 2)), "exactly 27 days"
    assert (rows[2][2], rows[2][5]) == (None, cities(0, 3, 7, 2)), "26 days"
    assert (rows[3][2], rows[3][5]) == (*cities(5), cities(0, 5)), "a stay that goes on"
    assert (rows[4][2], rows[4][5]) == (*cities(6), cities(4, 1, 6)), "for 27 days to the date"
    assert rows[5][1:] == (None, None, None, 0, []), "no place was ever told"
    assert 19 not in rows
