"""Jobs and tasks per scheduling class against DuckDB on the raw files."""

from typing import Any

import pytest

pytestmark = pytest.mark.java
APP = "q3_scheduling_classes"
OF_CLASS = "WHERE t.scheduling_class IS NOT DISTINCT FROM c.scheduling_class"
EXPECTED = f"""
    WITH classes AS (SELECT scheduling_class FROM job_events UNION SELECT scheduling_class FROM task_events),
         counts AS (SELECT scheduling_class, (SELECT count(DISTINCT job_id) FROM job_events t {OF_CLASS}) AS jobs,
                           (SELECT count(DISTINCT (job_id, task_index)) FROM task_events t {OF_CLASS}) AS tasks,
                           (SELECT count(DISTINCT job_id) FROM task_events t {OF_CLASS}) AS published FROM classes c)
    SELECT coalesce(scheduling_class::VARCHAR, 'unknown'), scheduling_class, jobs, jobs / sum(jobs) OVER (),
           tasks, tasks / sum(tasks) OVER (), published FROM counts"""


@pytest.mark.parametrize("name", [pytest.param("real", marks=pytest.mark.data), "wild", "shuffled"])
def test_the_answer_equals_duckdb(lakes: Any, name: str) -> None:
    lake = lakes(name)
    facts = lake.check(APP, EXPECTED)
    published = lake.raw.sql("SELECT scheduling_class, count(DISTINCT job_id) FROM task_events GROUP BY ALL").fetchall()
    told = {"unknown" if key is None else str(key): jobs for key, jobs in published}
    assert {name: jobs for name, jobs in facts["as_published"].items() if jobs} == told
