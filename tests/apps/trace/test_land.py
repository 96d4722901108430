"""Landed tables against the raw files as DuckDB reads them, and what happens to files that are broken, late, repeated or changed."""

import gzip
from collections.abc import Callable
from typing import Any

import pytest
from apps.trace import kit
from apps.trace.kit import land, line, put

import jobfiles
import jobkit
import jobstage

pytestmark = pytest.mark.java
MACHINES = "yard.trusted.trace_machine_events"
TASKS = "yard.trusted.trace_task_events"
USAGE = "yard.trusted.trace_task_usage"
QUARANTINE = "yard.trusted.trace_quarantine"
FILES = "yard.trusted.trace_files"


def machine(time: int, machine_id: int, event_type: int = 0, cpus: Any = 0.5) -> str:
    return line("machine_events", time=time, machine_id=machine_id, event_type=event_type, platform_id="p", cpus=cpus, memory=0.25)


@pytest.mark.data
@pytest.mark.parametrize("folder", ["machine_events", "job_events", "task_events"])
def test_real_files_equal_duckdb_in_every_cell(lakes: Any, folder: str) -> None:
    """Both ways, so that neither side has a row more: DuckDB reads the table's own data files, and the gzip files."""
    lake = lakes("real")
    listed = lake.spark.table(f"yard.trusted.trace_{folder}.files").select("file_path").collect()
    paths = [row.file_path.removeprefix("file:") for row in listed]
    landed = f"(SELECT {', '.join(kit.NAMES[folder].split())} FROM read_parquet({paths}))"
    for left, right in ((landed, folder), (folder, landed)):
        assert lake.raw.sql(f"SELECT count(*) FROM (FROM {left} EXCEPT ALL FROM {right})").fetchall() == [(0,)]
    days = lake.raw.sql(f"SELECT count(*) FROM read_parquet({paths}) WHERE day <> time // 86400000000").fetchall()
    assert days == [(0,)]


@pytest.mark.data
def test_real_files_are_counted(real: Any) -> None:
    assert real.landed["rows"] == {"read": 498_630, "rejected": 0, "written": 498_630}
    assert real.landed["facts"]["without_rows"] == ["task_usage"]
    assert sorted(row[0] for row in real.rows(FILES, "read")) == [10_704, 37_780, 450_146]


def test_a_line_is_a_row_or_has_its_reason(yard: Any) -> None:
    good = [machine(0, 1), "18446744073709551615,2,1,,,", "9223372036854775807,3,2,p,1e-3,0"]
    bad = {
        "": "blank line",
        "   ": "blank line",
        "0,1,0,p,0.5": "too few columns",
        "0,1,0,p,0.5,0.5,": "too many columns",
        "zero,1,0,p,0.5,0.5": "text where a number belongs",
        "0,1,0,p,half,0.5": "text where a number belongs",
        "0,1.5,0,p,0.5,0.5": "text where a number belongs",
        "0,99999999999999999999,0,p,0.5,0.5": "text where a number belongs",
        '"0",1,0,p,0.5,0.5': "text where a number belongs",
        ",1,0,p,0.5,0.5": "one of time, machine_id, event_type is empty",
        "0,,0,p,0.5,0.5": "one of time, machine_id, event_type is empty",
        "-1,1,0,p,0.5,0.5": "negative time",
        "-99999999999999999999,1,0,p,0.5,0.5": "negative time",
        "1e30,1,0,p,0.5,0.5": "text where a number belongs",
        "600000000.5,1,0,p,0.5,0.5": "time is no whole number",
        "0,1,3,p,0.5,0.5": "unknown event type",
        "0,1,-1,p,0.5,0.5": "unknown event type",
        "0,1,0,p,NaN,0.5": "an amount is negative or no number",
        "0,1,0,p,0.5,-0.5": "an amount is negative or no number",
        "0,1,0,p,1000000.1,0.5": "an amount is more than 1,000,000",
        "0,1,0,p,0.5,1e13": "an amount is more than 1,000,000",
    }
    file = put(yard, "machine_events", "a", [*good, *bad])
    file.write_bytes(file.read_bytes() + gzip.compress(b"0,1,0,\xff,0.5,0.5\n"))
    result = land(yard, "--max-rejected", "1")
    assert dict(yard.rows(QUARANTINE, "line", "reason")) == bad | {"0,1,0,\ufffd,0.5,0.5": "not UTF-8"}
    assert {row[0] for row in yard.rows(QUARANTINE, "source_file")} == {f"{yard.uri}machine_events/a.csv.gz"}
    assert result["rows"] == {"read": 25, "rejected": 22, "written": 3}
    after = 2**63 - 1
    assert yard.rows(MACHINES, "machine_id", "time", "cpus") == [(1, 0, 0.5), (2, after, None), (3, after, 0.001)]
    assert yard.rows(FILES, "read", "rejected") == [(25, 22)]


def test_usage_and_flags(yard: Any) -> None:
    usage = {"start_time": 600_000_000, "end_time": 900_000_000, "job_id": 2**62, "task_index": 1}
    lines = [line("task_usage", **usage, aggregation_type=1, cpu_rate=0.25, cpi=2e6), line("task_usage", **usage | {"end_time": 5})]
    put(yard, "task_usage", "a", [*lines, line("task_usage", **usage, aggregation_type=2)])
    put(yard, "task_events", "a", [line("task_events", time=1, job_id=3, task_index=0, event_type=8, different_machines=0)])
    result = land(yard, "--max-rejected", "0.5")
    assert yard.rows(USAGE, "job_id", "aggregation_type", "cpu_rate", "mai") == [(2**62, True, 0.25, None)]
    assert yard.rows(TASKS, "job_id", "different_machines") == [(3, False)]
    assert sorted(row[0] for row in yard.rows(QUARANTINE, "reason")) == ["aggregation_type is neither 0 nor 1", "ends before it starts"]
    assert result["facts"]["without_rows"] == ["machine_events", "job_events"]


def test_repeated_late_and_changed_files_correct_and_never_double(yard: Any) -> None:
    put(yard, "machine_events", "a", [machine(700_000_000, 1), *[machine(0, 9)] * 30, "broken"])
    first, before = land(yard), kit.snapshots(yard)
    again = land(yard)
    assert kit.snapshots(yard) == before
    assert again["rows"] == {"read": 0, "rejected": 0, "written": 0}
    assert "tables" not in again
    assert again["highlights"] == first["highlights"]
    put(yard, "machine_events", "a", [machine(90_000_000_000, 3)])
    put(yard, "machine_events", "late", [machine(5, 2)])
    assert land(yard)["rows"]["read"] == 2
    assert yard.rows(MACHINES, "machine_id", "day") == [(2, 0), (3, 1)]
    assert yard.rows(QUARANTINE) == []


def test_too_many_rejects_fail_and_touch_no_table(yard: Any) -> None:
    put(yard, "machine_events", "a", [machine(0, 1)])
    put(yard, "task_events", "a", [line("task_events", time=0, job_id=1, task_index=0, event_type=0)])
    land(yard)
    before = kit.snapshots(yard, MACHINES, TASKS)
    put(yard, "machine_events", "a", [machine(0, 2), machine(0, 3)])
    put(yard, "task_events", "a", ["nonsense"])
    with pytest.raises(jobkit.InputError, match=r"1 of 3 rows rejected \(33\.33%\), more than the 5\.00%.*too few columns"):
        land(yard)
    assert yard.rows(MACHINES, "machine_id") == [(1,)]
    assert kit.snapshots(yard, MACHINES, TASKS) == before
    assert len(yard.rows(TASKS)) == 1
    assert yard.rows(QUARANTINE, "line") == [("nonsense",)]
    assert land(yard, "--max-rejected", "0.4")["rows"] == {"read": 3, "rejected": 1, "written": 2}
    assert yard.rows(MACHINES, "machine_id") == [(2,), (3,)]
    assert yard.rows(TASKS) == []


@pytest.mark.fault
def test_a_broken_gzip_file_is_named_and_touches_nothing(yard: Any) -> None:
    put(yard, "machine_events", "good", [machine(0, 1)])
    broken = put(
        yard, "task_events", "broken", [line("task_events", time=i * i * i, job_id=i, task_index=0, event_type=0) for i in range(900)]
    )
    whole = broken.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"PK" + whole):
        broken.write_bytes(damaged)
        with pytest.raises(jobkit.InputError, match=r"task_events/broken\.csv\.gz cannot be read to its end .*No table was touched"):
            land(yard)
    assert yard.rows(MACHINES) == yard.rows(TASKS) == yard.rows(FILES) == yard.rows(QUARANTINE) == []
    assert kit.snapshots(yard) == []
    broken.write_bytes(whole)
    assert land(yard)["rows"]["written"] == 901


def die(*_: Any) -> None:
    raise RuntimeError("killed")


@pytest.mark.fault
@pytest.mark.parametrize(("module", "step"), [(jobstage.Stage, "publish"), (jobfiles, "note_files")])
def test_a_run_that_died_is_made_good_by_the_next(yard: Any, monkeypatch: pytest.MonkeyPatch, module: Any, step: str) -> None:
    put(yard, "machine_events", "a", [*[machine(0, 1)] * 30, "broken"])
    with monkeypatch.context() as patch:
        patch.setattr(module, step, die)
        with pytest.raises(RuntimeError, match="killed"):
            land(yard)
    assert land(yard)["rows"] == {"read": 31, "rejected": 1, "written": 30}
    assert len(yard.rows(MACHINES)) == 30
    assert len(yard.rows(QUARANTINE)) == 1


@pytest.mark.fault
def test_a_commit_between_staging_and_publishing_loses_nothing(make_yard: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = make_yard(), make_yard()
    right.share(left)
    put(left, "machine_events", "a", [machine(0, 1)])
    put(right, "machine_events", "a", [machine(0, 2)])
    publish = jobstage.Stage.publish

    def publish_second(stage: Any) -> None:
        monkeypatch.setattr(jobstage.Stage, "publish", publish)
        land(right)
        publish(stage)

    monkeypatch.setattr(jobstage.Stage, "publish", publish_second)
    land(left)
    assert left.rows(MACHINES, "machine_id") == [(1,), (2,)]
    assert left.rows(FILES, "read") == [(1,), (1,)]


def test_other_files_are_ignored_and_counted(yard: Any) -> None:
    put(yard, "machine_attributes", "a", ["x"])
    put(yard, "machine_events", "a", [machine(0, 1)])
    result = land(yard)
    assert (result["facts"]["files_new"], result["facts"]["files_ignored"]) == (1, 1)
    assert land(yard)["facts"]["files_new"] == 0


def test_input_that_is_not_there(yard: Any) -> None:
    with pytest.raises(jobkit.InputError, match=f"{yard.uri}: no such file or folder"):
        land(yard)
    put(yard, "elsewhere", "a", ["x"])
    with pytest.raises(jobkit.InputError, match="no file in a folder machine_events, job_events, task_events, task_usage"):
        land(yard)


@pytest.mark.parametrize("wrong", [["--max-rejected", "2"], ["--colour"], []])
def test_wrong_arguments_are_named(spark: Any, wrong: list[str]) -> None:
    with pytest.raises(jobkit.UsageError, match=wrong[0] if wrong else "--input"):
        kit.load_job("land").main(["--input", "s3a://raw/x/", *wrong] if wrong else [], spark)
