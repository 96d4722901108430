"""On how many machines the tasks of a job run, against DuckDB on the raw files."""

from typing import Any

import pytest

pytestmark = pytest.mark.java
APP = "q6_job_spread"
JOBS = """
    jobs AS (SELECT job_id, count(DISTINCT task_index) AS tasks, count(DISTINCT machine_id) AS machines
             FROM task_events WHERE event_type = 1 AND machine_id IS NOT NULL GROUP BY job_id HAVING count(DISTINCT task_index) > 1)"""
EXPECTED = f"""
    WITH {JOBS}
    SELECT up_to, count(*), count(*) / sum(count(*)) OVER (), sum(tasks)::BIGINT
    FROM jobs JOIN (SELECT (2 ** unnest(range(16)))::BIGINT AS up_to) ON machines <= up_to AND machines > up_to // 2
    GROUP BY up_to"""


@pytest.mark.parametrize("name", [pytest.param("real", marks=pytest.mark.data), "wild", "shuffled"])
def test_the_answer_equals_duckdb(lakes: Any, name: str) -> None:
    lake = lakes(name)
    facts = lake.check(APP, EXPECTED)
    jobs, share, mean = lake.one(f"WITH {JOBS} SELECT count(*), avg((machines = 1)::INT), avg(machines) FROM jobs")
    assert facts["jobs"] == jobs
    assert [facts["share_on_one_machine"], facts["mean_machines"]] == pytest.approx([share, mean], rel=1e-9)
    machines = "SELECT count(DISTINCT coalesce(machine_id, -1)) AS machines FROM task_events GROUP BY job_id"
    (published,) = lake.one(f"SELECT avg((machines = 1)::INT) FROM ({machines})")
    assert facts["as_published"] == pytest.approx(published, rel=1e-9)
