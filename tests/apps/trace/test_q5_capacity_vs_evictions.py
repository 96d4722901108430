"""Capacity and evictions against DuckDB on the raw files."""

from typing import Any

import pytest
from apps.trace import kit

pytestmark = pytest.mark.java
APP = "q5_capacity_vs_evictions"
MACHINES = """
    evicted AS (SELECT machine_id, count(*) AS evictions FROM task_events WHERE event_type = 2 AND machine_id IS NOT NULL GROUP BY ALL),
    machines AS (SELECT machine_id, cpus, coalesce(evictions, 0) AS evictions FROM capacities FULL JOIN evicted USING (machine_id))"""
EXPECTED = f"""
    WITH {MACHINES}
    SELECT {kit.BIN} AS capacity, count(*), sum(evictions)::BIGINT, avg(evictions),
           count(*) FILTER (WHERE evictions = 0) FROM machines GROUP BY capacity"""


@pytest.mark.parametrize("name", [pytest.param("real", marks=pytest.mark.data), "wild", "shuffled"])
def test_the_answer_equals_duckdb(lakes: Any, name: str) -> None:
    lake = lakes(name)
    facts = lake.check(APP, EXPECTED)
    (right,) = lake.one(f"WITH {MACHINES} SELECT corr(cpus, evictions) FROM machines WHERE cpus IS NOT NULL")
    (published,) = lake.one(f"WITH {MACHINES} SELECT corr(coalesce(cpus, 0), evictions) FROM machines WHERE evictions > 0")
    assert facts["correlation"] == pytest.approx(right, rel=1e-9)
    assert facts["as_published"] == pytest.approx(published, rel=1e-9)
