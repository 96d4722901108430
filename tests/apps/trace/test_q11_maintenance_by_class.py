"""Maintenance by capacity against DuckDB on the raw files."""

from typing import Any

import pytest
from apps.trace import kit

pytestmark = pytest.mark.java
APP = "q11_maintenance_by_class"
EXPECTED = f"""
    WITH span AS (SELECT max(time) - 600000000 AS span FROM machine_events WHERE time < 9223372036854775807),
         by_machine AS (SELECT machine_id, count(until) AS times, sum(until - since) AS away,
                               count(*) - count(until) AS never FROM gaps GROUP BY ALL),
         machines AS (SELECT * FROM capacities LEFT JOIN by_machine USING (machine_id))
    SELECT {kit.LABEL}, cpus, count(*), count(*) FILTER (WHERE times > 0), count(*) FILTER (WHERE times > 0) / count(*),
           coalesce(sum(times), 0)::BIGINT, coalesce(sum(away), 0) / 3.6e9, coalesce(sum(away), 0) / (count(*) * (SELECT span FROM span)),
           count(*) FILTER (WHERE never > 0)
    FROM machines GROUP BY cpus"""


@pytest.mark.parametrize("name", [pytest.param("real", marks=pytest.mark.data), "wild", "shuffled"])
def test_the_answer_equals_duckdb(lakes: Any, name: str) -> None:
    lake = lakes(name)
    facts = lake.check(APP, EXPECTED)
    maintained = "SELECT count(until), count(DISTINCT machine_id) FILTER (WHERE until IS NOT NULL) FROM gaps"
    assert (facts["times_away"], facts["machines_maintained"]) == lake.one(maintained)
