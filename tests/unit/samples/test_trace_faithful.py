"""The trace's family at scale 1 against the real shard 0: Kolmogorov–Smirnov distances of numbers, total variation of kinds.

Google cluster trace 2011 v2, © Google, CC-BY 4.0.
"""

from collections import Counter
from itertools import islice
from pathlib import Path

import duckdb
import numpy as np
import pytest

from sparkyard.samples.trace_csv import make_table
from sparkyard.samples.trace_derive import load_tables
from sparkyard.samples.trace_shards import make_tables

pytestmark = pytest.mark.data
NEAR = 0.05
AFTER = "9223372036854775807"
GAPS = f"""
CREATE TABLE task_gaps AS SELECT *, lead(event) OVER steps AS next, lead(time) OVER steps - time AS gap FROM task_events
    WHERE time < {AFTER} WINDOW steps AS (PARTITION BY job, task ORDER BY row);
CREATE TABLE job_gaps AS SELECT *, lead(event) OVER steps AS next, lead(time) OVER steps - time AS gap FROM job_events
    WINDOW steps AS (PARTITION BY job ORDER BY row);
CREATE TABLE away AS SELECT event, lead(time) OVER steps - time AS gap FROM machine_events
    WINDOW steps AS (PARTITION BY machine ORDER BY row);
CREATE TABLE tasks AS SELECT job, task, any_value(class) AS class, any_value(priority) AS priority, any_value(cpu) AS cpu,
    any_value(memory) AS memory, bool_or(event = 2) AS evicted, count(*) AS events, string_agg(event::VARCHAR, '' ORDER BY row) AS life
    FROM task_events GROUP BY ALL;
"""
NUMBERS = {
    "submit to schedule": "SELECT gap FROM task_gaps WHERE event = 0 AND next = 1",
    "submit to schedule, in the trace": "SELECT gap FROM task_gaps WHERE event = 0 AND next = 1 AND time > 0",
    "schedule to end": "SELECT gap FROM task_gaps WHERE event = 1 AND next BETWEEN 2 AND 5",
    "schedule to end, in the trace": "SELECT gap FROM task_gaps WHERE event = 1 AND next BETWEEN 2 AND 5 AND time > 0",
    "schedule to eviction": "SELECT gap FROM task_gaps WHERE event = 1 AND next = 2",
    "schedule to finish": "SELECT gap FROM task_gaps WHERE event = 1 AND next = 4",
    "schedule to kill": "SELECT gap FROM task_gaps WHERE event = 1 AND next = 5",
    "end to next submit": "SELECT gap FROM task_gaps WHERE event BETWEEN 2 AND 5 AND next = 0",
    "schedule to end of jobs": "SELECT gap FROM job_gaps WHERE event = 1 AND next BETWEEN 3 AND 5",
    "events of a task": "SELECT events FROM tasks",
    "priority of tasks": "SELECT priority FROM tasks",
    "priority of events": "SELECT priority FROM task_events",
    "priority of jobs": "SELECT any_value(priority) FROM tasks GROUP BY job",
    "CPU requests of tasks": "SELECT cpu FROM tasks WHERE cpu IS NOT NULL",
    "CPU requests of events": "SELECT cpu FROM task_events WHERE cpu IS NOT NULL",
    "CPU requests of jobs": "SELECT any_value(cpu) FROM tasks WHERE cpu IS NOT NULL GROUP BY job",
    "memory requests of tasks": "SELECT memory FROM tasks WHERE memory IS NOT NULL",
    "memory requests of events": "SELECT memory FROM task_events WHERE memory IS NOT NULL",
    "memory requests of jobs": "SELECT any_value(memory) FROM tasks WHERE memory IS NOT NULL GROUP BY job",
    "tasks per job": "SELECT count(*) FROM tasks GROUP BY job",
    "CPU of machines": "SELECT arg_max(cpu, row) FROM machine_events WHERE cpu IS NOT NULL GROUP BY machine",
    "memory of machines": "SELECT arg_max(memory, row) FROM machine_events WHERE memory IS NOT NULL GROUP BY machine",
    "time away": "SELECT gap FROM away WHERE event = 1 AND gap IS NOT NULL",
    "events of a machine": "SELECT count(*) FROM machine_events GROUP BY machine",
}
KINDS = {
    "lives of tasks": "SELECT life FROM tasks",
    "events of tasks": "SELECT event FROM task_events",
    "lives of jobs": "SELECT string_agg(event::VARCHAR, '' ORDER BY row) FROM job_events GROUP BY job",
    "events of machines": "SELECT event FROM machine_events",
    "class and priority": "SELECT class * 100 + priority FROM tasks",
    "apart": "SELECT apart::INT FROM task_events WHERE apart IS NOT NULL",
}
EVICTED = "SELECT {by}, avg(evicted::INT) FROM tasks GROUP BY 1 ORDER BY 1"


@pytest.fixture(scope="module")
def real(real_data: Path) -> duckdb.DuckDBPyConnection:
    base = load_tables(real_data / "google-cluster-trace-2011")
    base.execute(GAPS)
    return base


@pytest.fixture(scope="module")
def made(real: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    base = duckdb.connect()
    for name, columns in islice(make_tables(1, 0), 3):
        table = name.split("/")[0]
        names = [row[0] for row in real.execute(f"DESCRIBE {table}").fetchall()]
        base.register("made", make_table(columns).rename_columns(names[:-1]))
        base.execute(f"CREATE TABLE {table} AS SELECT *, row_number() OVER () AS row FROM made")
    base.execute(GAPS)
    return base


def get_values(base: duckdb.DuckDBPyConnection, query: str) -> np.ndarray:
    (values,) = base.execute(query).fetchnumpy().values()
    return np.sort(np.asarray(values, dtype=float))


@pytest.mark.parametrize("what", NUMBERS)
def test_numbers_are_distributed_as_the_real_ones(what: str, real: duckdb.DuckDBPyConnection, made: duckdb.DuckDBPyConnection) -> None:
    ours, theirs = get_values(made, NUMBERS[what]), get_values(real, NUMBERS[what])
    points = np.union1d(ours, theirs)
    shares = [np.searchsorted(values, points, side="right") / len(values) for values in (ours, theirs)]
    assert np.max(np.abs(shares[0] - shares[1])) <= NEAR


@pytest.mark.parametrize("what", KINDS)
def test_kinds_are_as_frequent_as_the_real_ones(what: str, real: duckdb.DuckDBPyConnection, made: duckdb.DuckDBPyConnection) -> None:
    ours, theirs = (Counter(kind for (kind,) in base.execute(KINDS[what]).fetchall()) for base in (made, real))
    assert sum(abs(ours[kind] / ours.total() - theirs[kind] / theirs.total()) for kind in ours | theirs) / 2 <= NEAR


@pytest.mark.parametrize("by", ["class", "priority"])
def test_as_many_tasks_are_evicted(by: str, real: duckdb.DuckDBPyConnection, made: duckdb.DuckDBPyConnection) -> None:
    ours, theirs = (base.execute(EVICTED.format(by=by)).fetchall() for base in (made, real))
    assert [row[0] for row in ours] == [row[0] for row in theirs]
    assert [row[1] for row in ours] == pytest.approx([row[1] for row in theirs], abs=0.002)


def test_it_is_as_long_as_the_real_shard(real: duckdb.DuckDBPyConnection, made: duckdb.DuckDBPyConnection) -> None:
    for table in ("machine_events", "job_events", "task_events"):
        ours, theirs = (len(base.execute(f"SELECT 1 FROM {table}").fetchall()) for base in (made, real))
        assert ours == pytest.approx(theirs, rel=0.02)
