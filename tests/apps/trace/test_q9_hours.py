"""Usage by hour of the day against DuckDB on the raw files."""

from typing import Any

import pytest

pytestmark = pytest.mark.java
APP = "q9_hours"
EXPECTED = """
    WITH usage AS (SELECT * FROM task_usage WHERE start_time < 9223372036854775807),
         right_ones AS (SELECT hour('2011-05-01 19:00:00'::TIMESTAMP + to_microseconds(start_time - 600000000)) AS hour,
                               count(*) AS measurements, avg(cpu_rate) AS cpu, avg(canonical_memory) AS memory FROM usage GROUP BY hour),
         published AS (SELECT ((floor((start_time - 600) / 3600) + 19)::BIGINT % 24 + 24) % 24 AS hour, avg(cpu_rate) AS as_published
                       FROM usage GROUP BY hour)
    SELECT hour, coalesce(measurements, 0), cpu, memory, as_published
    FROM (SELECT unnest(range(24)) AS hour) LEFT JOIN right_ones USING (hour) LEFT JOIN published USING (hour)"""


@pytest.mark.parametrize("name", ["made", "wild", "shuffled"])
def test_the_answer_equals_duckdb(lakes: Any, name: str) -> None:
    lake = lakes(name)
    facts = lake.check(APP, EXPECTED)
    known = [row for row in lake.raw.sql(EXPECTED).fetchall() if row[2] is not None]
    assert facts["peak_hour_mean_cpu"] == max(known, key=lambda row: row[2])[0]
    assert "nothing of Google" in facts["note"]
