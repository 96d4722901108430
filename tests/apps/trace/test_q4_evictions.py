"""Tasks evicted at least once, per class and priority, against DuckDB on the raw files."""

from typing import Any

import pytest

pytestmark = pytest.mark.java
APP = "q4_evictions"
EXPECTED = """
    WITH told AS (SELECT 'class' AS name, scheduling_class AS value, * FROM task_events
                  UNION ALL SELECT 'priority', priority, * FROM task_events),
         counts AS (SELECT name, value, count(DISTINCT (job_id, task_index)) AS tasks,
                           count(DISTINCT (job_id, task_index)) FILTER (WHERE event_type = 2) AS evicted,
                           count(*) FILTER (WHERE event_type = 2) AS evict_rows, count(*) AS n FROM told GROUP BY name, value)
    SELECT name || ' ' || CASE WHEN value IS NULL THEN 'unknown' WHEN value < 10 THEN ' ' || value ELSE value::VARCHAR END,
           name, value, tasks, evicted, evicted / tasks, evict_rows, n, evict_rows / n FROM counts"""


@pytest.mark.parametrize("name", [pytest.param("real", marks=pytest.mark.data), "wild", "shuffled"])
def test_the_answer_equals_duckdb(lakes: Any, name: str) -> None:
    lake = lakes(name)
    facts = lake.check(APP, EXPECTED)
    rows, tasks = lake.one("SELECT count(*), count(DISTINCT (job_id, task_index)) FROM task_events WHERE event_type = 2")
    assert (facts["evict_rows"], facts["tasks_evicted"]) == (rows, tasks)
