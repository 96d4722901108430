"""Requests and use, task by task, against DuckDB on the raw files."""

from typing import Any

import pytest
from apps.trace import kit

import jobkit

pytestmark = pytest.mark.java
APP = "q7_request_vs_use"
ORDER = "time, event_type, machine_id NULLS FIRST, cpu_request NULLS FIRST, memory_request NULLS FIRST"
TASKS = f"""
    asked AS (SELECT job_id, task_index, last(cpu_request ORDER BY {ORDER}) FILTER (WHERE cpu_request IS NOT NULL) AS cpu_request,
              last(memory_request ORDER BY {ORDER}) FILTER (WHERE memory_request IS NOT NULL) AS memory_request
              FROM task_events GROUP BY ALL),
    used AS (SELECT job_id, task_index, avg(cpu_rate) AS cpu_used, avg(canonical_memory) AS memory_used, count(*) AS measurements
             FROM task_usage GROUP BY ALL),
    tasks AS (SELECT * FROM asked JOIN used USING (job_id, task_index) WHERE cpu_request IS NOT NULL OR memory_request IS NOT NULL)"""
EXPECTED = f"""
    WITH {TASKS}
    SELECT job_id, task_index, cpu_request, cpu_used, memory_request, memory_used, measurements FROM tasks"""


@pytest.mark.parametrize("name", ["made", "wild", "shuffled"])
def test_the_answer_equals_duckdb(lakes: Any, name: str) -> None:
    lake = lakes(name)
    facts = lake.check(APP, EXPECTED)
    right = lake.one(f"WITH {TASKS} SELECT corr(cpu_request, cpu_used), corr(memory_request, memory_used) FROM tasks")
    assert [facts["cpu_correlation"], facts["memory_correlation"]] == pytest.approx(list(right), rel=1e-9)
    pairs = "SELECT corr(cpu_request, cpu_rate) FROM task_events JOIN task_usage USING (job_id, task_index)"
    assert facts["as_published"] == pytest.approx(lake.one(pairs)[0], rel=1e-6)
    measured, asked = (f"SELECT DISTINCT job_id, task_index FROM {table}" for table in ("task_usage", "task_events"))
    asked += " WHERE cpu_request IS NOT NULL OR memory_request IS NOT NULL"
    never, without = (lake.one(f"SELECT count(*) FROM ({a} EXCEPT {b})")[0] for a, b in ((asked, measured), (measured, asked)))
    assert (facts["tasks_never_measured"], facts["tasks_without_request"]) == (never, without)
    assert "nothing of Google" in facts["note"]


def test_the_sample_is_some_of_the_tasks_and_always_the_same(lakes: Any) -> None:
    pairs = ["cpu_request", "cpu_used", "memory_request", "memory_used", "job_id", "task_index"]
    drawn = []
    for name in ("wild", "shuffled"):
        lake = lakes(name)
        result, _ = lake.ask(APP, "--sample", "7")
        job = kit.load_job(APP)
        assert result["plot"]["table"] == job.SAMPLE
        drawn.append(lake.yard.rows(job.SAMPLE))
        assert len(drawn[-1]) == 7
        assert set(drawn[-1]) <= set(lake.yard.rows(job.TABLE, *pairs))
    assert [row[4:] for row in drawn[0]] == [row[4:] for row in drawn[1]]


def test_wrong_arguments_are_named(lakes: Any) -> None:
    with pytest.raises(jobkit.UsageError, match="--sample"):
        kit.load_job(APP).main(["--sample", "0"], lakes("wild").spark)
