"""Machines by CPU capacity against DuckDB on the raw files."""

from typing import Any

import pytest
from apps.trace import kit

import jobkit

pytestmark = pytest.mark.java
APP = "q1_machines_by_cpu"
EXPECTED = f"""
    SELECT {kit.LABEL}, cpus, {kit.BIN}, count(*), count(*) / (SELECT count(*) FROM capacities) FROM capacities GROUP BY cpus"""


@pytest.mark.parametrize("name", [pytest.param("real", marks=pytest.mark.data), "wild", "shuffled"])
def test_the_answer_equals_duckdb(lakes: Any, name: str) -> None:
    lake = lakes(name)
    facts = lake.check(APP, EXPECTED)
    bins = dict(lake.raw.sql(f"SELECT {kit.BIN}, count(*) FROM capacities GROUP BY ALL").fetchall())
    assert facts["bins"] == {name: bins.get(name, 0) for name in facts["bins"]}


@pytest.mark.data
def test_the_published_figures_are_those_of_events(lakes: Any) -> None:
    assert lakes("real").ask(APP)[0]["facts"]["as_published"] == [0, 510, 35015, 0, 2223]


def test_asked_again_it_says_the_same_and_writes_nothing(lakes: Any) -> None:
    lake = lakes("wild")
    first, _ = lake.ask(APP)
    before = kit.snapshots(lake.yard)
    again, _ = lake.ask(APP)
    assert kit.snapshots(lake.yard) == before
    assert "tables" not in again
    same = ("checks", "highlights", "plot")
    assert [again[field] for field in same] == [first[field] for field in same]
    assert again["facts"]["nothing_new"].startswith("the table is as trace-q1-machines-by-cpu-")


def test_without_rows_it_says_what_is_missing(yard: Any) -> None:
    with pytest.raises(jobkit.InputError, match=r"trace_machine_events: no such table; run the job first that writes it"):
        kit.load_job(APP).main([], yard.spark)
    kit.put(yard, "job_events", "a", [kit.line("job_events", time=0, job_id=1, event_type=0)])
    kit.land(yard)
    with pytest.raises(jobkit.InputError, match=r"trace_machine_events: no rows"):
        kit.load_job(APP).main([], yard.spark)
    with pytest.raises(jobkit.UsageError, match="--colour"):
        kit.load_job(APP).main(["--colour"], yard.spark)
    kit.put(yard, "machine_events", "a", [kit.line("machine_events", time=0, machine_id=1, event_type=0, cpus=0.5, memory=0.5)])
    kit.land(yard)
    assert kit.load_job(APP).main([], yard.spark)["highlights"][1:] == [["0.5", 1, 1.0]]
    kit.put(yard, "machine_events", "b", [kit.line("machine_events", time=1, machine_id=1, event_type=2, cpus=1, memory=0.5)])
    kit.land(yard)
    assert kit.load_job(APP).main([], yard.spark)["highlights"][1:] == [["1.0", 1, 1.0]]
