"""Over-committed machines against DuckDB on the raw files, point by point and machine by machine."""

from typing import Any

import pytest
from apps.trace import kit

pytestmark = pytest.mark.java
APP = "q10_overcommit"
EXPECTED = """
    WITH points AS (SELECT unnest(range(600000000, max(time) + 1, 300000000)) AS point FROM task_events WHERE time < 9223372036854775807),
    acts AS (SELECT *, row_number() OVER (PARTITION BY job_id, task_index ORDER BY
               time, event_type, machine_id NULLS FIRST, cpu_request NULLS FIRST, memory_request NULLS FIRST) AS nth
             FROM task_events WHERE event_type NOT IN (0, 7)),
    told AS (SELECT job_id, task_index, nth, event_type, time,
               CASE event_type WHEN 1 THEN machine_id ELSE last_value(machine_id IGNORE NULLS) OVER w END AS machine_id,
               coalesce(last_value(cpu_request IGNORE NULLS) OVER w, 0) AS cpu,
               coalesce(last_value(memory_request IGNORE NULLS) OVER w, 0) AS memory,
               lead(time) OVER (PARTITION BY job_id, task_index ORDER BY nth) AS until
             FROM acts WINDOW w AS (PARTITION BY job_id, task_index ORDER BY nth ROWS UNBOUNDED PRECEDING)),
    sums AS (SELECT machine_id, point, sum(round(cpu * 1e9)::BIGINT) AS cpu, sum(round(memory * 1e9)::BIGINT) AS memory
             FROM told JOIN points ON time <= point AND (until IS NULL OR until > point)
             WHERE event_type IN (1, 8) AND machine_id IS NOT NULL GROUP BY ALL),
    states AS (SELECT machine_id, nth, time, event_type, last_value(cpus IGNORE NULLS) OVER w AS cpus,
                      last_value(memory IGNORE NULLS) OVER w AS memory
               FROM moves WINDOW w AS (PARTITION BY machine_id ORDER BY nth ROWS UNBOUNDED PRECEDING)),
    latest AS (SELECT point, machine_id, max(nth) AS nth FROM states JOIN points ON time <= point GROUP BY ALL),
    known AS (SELECT point, machine_id, cpus, memory FROM latest JOIN states USING (machine_id, nth)
              WHERE event_type <> 1 AND cpus IS NOT NULL AND memory IS NOT NULL),
    over_ones AS (SELECT point, k.machine_id IS NOT NULL AS known, coalesce(s.cpu > round(k.cpus * 1e9)::BIGINT, false) AS cpu,
                  coalesce(s.memory > round(k.memory * 1e9)::BIGINT, false) AS memory
                  FROM known k FULL JOIN sums s USING (point, machine_id)),
    counts AS (SELECT point, count(*) FILTER (WHERE known) AS machines, count(*) FILTER (WHERE cpu) AS c,
               count(*) FILTER (WHERE memory) AS m, count(*) FILTER (WHERE cpu OR memory) AS e, count(*) FILTER (WHERE cpu AND memory) AS b,
               count(*) FILTER (WHERE NOT known) AS unknown
               FROM points LEFT JOIN over_ones USING (point) GROUP BY point)
    SELECT point, (point - 600000000) / 3.6e9, machines, c, m, e, b, unknown, c / machines, m / machines, e / machines, b / machines
    FROM counts"""


@pytest.mark.parametrize("name", [pytest.param("real", marks=pytest.mark.data), "wild", "shuffled"])
def test_the_answer_equals_duckdb(lakes: Any, name: str) -> None:
    lake = lakes(name)
    facts = lake.check(APP, EXPECTED)
    rows = lake.raw.sql(EXPECTED).fetchall()
    machines, either, both = (sum(row[column] for row in rows) for column in (2, 5, 6))
    assert (facts["points"], facts["machine_points"]) == (len(rows), machines)
    assert [facts["share_over_either"], facts["share_over_both"]] == pytest.approx([either / machines, both / machines], rel=1e-9)


def test_by_hand(spark: Any) -> None:
    """One machine of 0.5: requests of exactly 0.5 are no over-commitment, an update to 0.1 more is; what ends at a point is over then."""
    told = [(0, 1, 1, 0.2), (0, 2, 1, 0.3), (901, 2, 8, 0.4), (1500, 2, 4, 0.4), (2400, 1, 5, 0.2)]
    rows = [(time * 10**6, job, 0, 1, event, cpu, 0.1) for time, job, event, cpu in told]
    schema = "time LONG, job_id LONG, task_index LONG, machine_id LONG, event_type INT, cpu_request DOUBLE, memory_request DOUBLE"
    machine = "time LONG, machine_id LONG, event_type INT, cpus DOUBLE, memory DOUBLE"
    job = kit.load_job(APP)
    inputs = {job.TASKS: spark.createDataFrame(rows, schema), job.MACHINES: spark.createDataFrame([(0, 1, 0, 0.5, 0.1)], machine)}
    found = {row.time // 10**6: (row.over_cpu, row.over_memory) for row in job.answer(inputs, None).collect()}
    assert found == {600: (0, 1), 900: (0, 1), 1200: (1, 1), 1500: (0, 0), 1800: (0, 0), 2100: (0, 0), 2400: (0, 0)}
