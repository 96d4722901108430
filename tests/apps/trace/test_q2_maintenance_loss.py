"""Computing power lost to machines offline, against DuckDB on the raw files."""

from typing import Any

import pytest
from apps.trace import kit

pytestmark = pytest.mark.java
APP = "q2_maintenance_loss"
EXPECTED = """
    WITH ends AS (SELECT max(time) AS last FROM machine_events WHERE time < 9223372036854775807),
         days AS (SELECT unnest(range(last // 86400000000 + 1)) AS day, last FROM ends),
         spans AS (SELECT day, least(last, (day + 1) * 86400000000) AS stop, greatest(600000000, day * 86400000000) AS start FROM days),
         cuts AS (SELECT day, greatest(since, day * 86400000000) AS a, least(until, (day + 1) * 86400000000) AS b, cpus
                  FROM gaps JOIN capacities USING (machine_id) JOIN days ON until > day * 86400000000 AND since < (day + 1) * 86400000000),
         lost AS (SELECT day, sum(b - a) AS away, sum((b - a) * cpus) AS lost FROM cuts GROUP BY day),
         held AS (SELECT day, (stop - start) * (SELECT sum(cpus) FROM capacities) AS held FROM spans)
    SELECT day, coalesce(away, 0) / 3.6e9, coalesce(lost, 0) / 3.6e9, held / 3.6e9, coalesce(lost, 0) / held
    FROM held LEFT JOIN lost USING (day)"""


@pytest.mark.parametrize("name", [pytest.param("real", marks=pytest.mark.data), "wild", "shuffled"])
def test_the_answer_equals_duckdb(lakes: Any, name: str) -> None:
    lake = lakes(name)
    facts = lake.check(APP, EXPECTED)
    (lost,) = lake.one("SELECT sum((until - since) * cpus) FROM gaps JOIN capacities USING (machine_id)")
    end, held = lake.one("SELECT (SELECT max(time) FROM moves WHERE time < 9223372036854775807), (SELECT sum(cpus) FROM capacities)")
    assert facts["share_lost"] == pytest.approx(lost / (held * (end - 600_000_000)), rel=1e-9)
    assert (facts["times_away"], facts["never_back"]) == lake.one("SELECT count(until), count(*) - count(until) FROM gaps")


@pytest.mark.data
def test_the_published_figure_adds_a_machine_at_every_add(lakes: Any) -> None:
    assert round(lakes("real").ask(APP)[0]["facts"]["as_published"] * 100, 5) == 0.28205


def test_by_hand(spark: Any) -> None:
    """Two machines over 1000 s; one is away for 100 s, then at once back, and is removed twice before it is back after 50 s more."""
    moves = [
        (0, 1, 0),
        (0, 2, 0),
        (700, 1, 1),
        (800, 1, 0),
        (900, 1, 1),
        (900, 1, 0),
        (1000, 1, 1),
        (1020, 1, 1),
        (1050, 1, 0),
        (1600, 2, 1),
    ]
    rows = [(time * 10**6, machine, event, 0.5 * machine, 1.0) for time, machine, event in moves]
    events = spark.createDataFrame(rows, "time LONG, machine_id LONG, event_type INT, cpus DOUBLE, memory DOUBLE")
    job = kit.load_job(APP)
    (day,) = job.answer({job.MACHINES: events}, None).collect()
    assert day.share_lost == pytest.approx(150 * 0.5 / (1000 * 1.5))
    assert day.machine_hours_away == pytest.approx(150 / 3600)
