"""Peaks of usage and evictions against DuckDB on the raw files."""

from typing import Any

import pytest

pytestmark = pytest.mark.java
APP = "q8_peaks_vs_evictions"
WINDOWS = """
    peaks AS (SELECT machine_id, start_time // 300000000 AS number, max(max_cpu_rate) AS cpu, max(max_memory) AS memory FROM task_usage
              WHERE machine_id IS NOT NULL AND start_time < 9223372036854775807 GROUP BY ALL),
    windows AS (SELECT p.*, (SELECT count(*) FROM task_events e WHERE e.event_type = 2 AND e.machine_id = p.machine_id
                             AND e.time >= p.number * 300000000 AND e.time < (p.number + 1) * 300000000) AS evictions FROM peaks p)"""
EXPECTED = f"""
    WITH {WINDOWS}
    SELECT evictions, count(*), avg(cpu), avg(memory) FROM windows GROUP BY evictions"""


@pytest.mark.parametrize("name", ["made", "wild", "shuffled"])
def test_the_answer_equals_duckdb(lakes: Any, name: str) -> None:
    lake = lakes(name)
    facts = lake.check(APP, EXPECTED)
    query = "SELECT corr(cpu, evictions), corr(memory, evictions), count(*), sum(evictions) FROM windows"
    cpu, memory, windows, evictions = lake.one(f"WITH {WINDOWS} {query}")
    assert [facts["cpu_correlation"], facts["memory_correlation"]] == pytest.approx([cpu, memory], rel=1e-9)
    assert (facts["machine_windows"], facts["evictions"]) == (windows, evictions)
    everywhere = "SELECT count(*) FROM task_events WHERE event_type = 2 AND machine_id IS NOT NULL AND time < 9223372036854775807"
    assert facts["evictions_where_nothing_was_measured"] == lake.one(everywhere)[0] - evictions
    events = "SELECT machine_id, count(*) AS events FROM task_events GROUP BY ALL"
    highest = "SELECT machine_id, max(max_cpu_rate) AS cpu FROM task_usage GROUP BY ALL"
    (published,) = lake.one(f"SELECT corr(cpu, events) FROM ({events}) JOIN ({highest}) USING (machine_id)")
    assert facts["as_published"] == pytest.approx(published, rel=1e-9)
    assert "nothing of Google" in facts["note"]
