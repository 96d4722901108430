"""The trace's family: its layout, its rules and its broken lines, at a fiftieth of shard 0."""

import gzip
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pytest
from typer.testing import CliRunner

from sparkyard import cli
from sparkyard.cli import sample  # noqa: F401  (registers the verb)
from sparkyard.errors import ToolMissing
from sparkyard.samples import trace
from sparkyard.samples.trace_csv import make_table
from sparkyard.samples.trace_facts import AFTER, SPAN, START
from sparkyard.samples.trace_machines import MACHINES, make_machines
from sparkyard.samples.trace_shards import make_shard, make_tables

SCALE = 0.02
INT, HASH, NUMBER = r"\d+", r"[A-Za-z0-9+/]{43}=", r"\d+(\.\d+)?([eE]-\d+)?"
ANY_INT, ANY_NUMBER = rf"({INT})?", rf"({NUMBER})?"
LINES = {
    "machine_events": [INT, INT, "[0-2]", HASH, ANY_NUMBER, ANY_NUMBER],
    "job_events": [INT, "", INT, "[0-8]", HASH, "[0-3]", HASH, HASH],
    "task_events": [INT, "[012]?", INT, INT, ANY_INT, "[0-8]", HASH, "[0-3]", INT, ANY_NUMBER, ANY_NUMBER, ANY_NUMBER, "[01]?"],
    "task_usage": [INT, INT, INT, INT, INT, *[NUMBER] * 10, ANY_NUMBER, ANY_NUMBER, NUMBER, "[01]", NUMBER],
}
Ask = Callable[[str], list[tuple]]


def is_good(table: str, line: bytes) -> bool:
    try:
        return bool(re.fullmatch(",".join(LINES[table]), line.decode()))
    except UnicodeDecodeError:
        return False


def read(files: dict[str, bytes]) -> dict[str, list[bytes]]:
    return {name: gzip.decompress(content).splitlines() for name, content in files.items()}


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return dict(trace.make_files(SCALE))


@pytest.fixture(scope="module")
def ask() -> Ask:
    """A database of the tables, as they are before they are written."""
    base = duckdb.connect()
    for name, columns in make_tables(SCALE, 0):
        base.register("made", make_table(columns))
        base.execute(f"CREATE TABLE {name.split('/')[0]} AS SELECT *, row_number() OVER () AS row FROM made")
    return lambda query: base.execute(query).fetchall()


def test_files_lie_and_look_as_the_real_ones(files: dict[str, bytes]) -> None:
    shards = [f"{table}/part-00000-of-00500.csv.gz" for table in ("job_events", "task_events", "task_usage")]
    assert list(files) == ["machine_events/part-00000-of-00001.csv.gz", *shards]
    for name, lines in read(files).items():
        assert [line for line in lines if not is_good(name.split("/")[0], line)] == []


def test_the_same_seed_gives_the_same_bytes(files: dict[str, bytes]) -> None:
    assert dict(trace.make_files(SCALE)) == files
    assert {content[4:8] for content in files.values()} == {bytes(4)}  # gzip's time of making
    assert all(files[name] != other for name, other in trace.make_files(SCALE, seed=1))


def test_a_scale_is_a_part_of_shard_0(files: dict[str, bytes]) -> None:
    lines = {name.split("/")[0]: len(lines) for name, lines in read(files).items()}
    assert lines["task_events"] == pytest.approx(SCALE * 450_146, rel=0.25)
    assert lines["job_events"] == pytest.approx(SCALE * 10_704, rel=0.1)
    assert lines["machine_events"] == pytest.approx(SCALE * 37_780, rel=0.25)
    assert 1 <= lines["task_usage"] / lines["task_events"] <= 2


def test_a_shard_depends_on_its_number_alone() -> None:
    one, many = make_machines(0, 1.01), make_machines(0, 7)
    assert len(one.ids) == MACHINES
    (_, tasks, _), (_, again, _) = make_shard(1, 0.01, 0, one), make_shard(1, 0.01, 0, many)
    assert all(np.array_equal(tasks[name], again[name], equal_nan=True) for name in ("time", "job_id", "machine_id", "cpu_request"))
    times = tasks["time"][tasks["time"] < AFTER]
    assert times.min() >= START + SPAN
    assert times.max() < START + 2 * SPAN


def test_a_task_lives_as_tasks_do(ask: Ask) -> None:
    lives = ask("SELECT string_agg(event_type::VARCHAR, '' ORDER BY row) FROM task_events GROUP BY job_id, task_index")
    assert [life for (life,) in lives if not re.fullmatch(r"(07?(1?8?[23456])?)*0?1?[78]?", life)] == []
    assert {life for (life,) in lives} >= {"01", "014", "0", "015", "01201", "018"}
    assert ask("SELECT count(*) FROM (SELECT time < lag(time) OVER (ORDER BY row) AS back FROM task_events) WHERE back") == [(0,)]
    assert ask(f"SELECT count(*) FROM task_events WHERE time BETWEEN 1 AND {START} OR time BETWEEN {START + SPAN} AND {AFTER - 1}") == [
        (0,)
    ]


def test_a_job_holds_its_tasks(ask: Ask) -> None:
    outside = ask(
        """SELECT count(*) FROM task_events AS task JOIN (SELECT job_id, min(time) AS begin, max(time) FILTER (event_type > 1) AS done
        FROM job_events GROUP BY job_id) USING (job_id) WHERE task.time < begin OR task.time > done"""
    )
    assert outside == [(0,)]
    assert ask("SELECT count(*) FROM task_events ANTI JOIN job_events USING (job_id)") == [(0,)]


def test_nulls_stand_where_the_real_ones_do(ask: Ask) -> None:
    assert ask("SELECT count(*) FROM task_events WHERE event_type = 0 AND time > 0 AND machine_id IS NOT NULL") == [(0,)]
    assert ask("SELECT count(*) FROM task_events WHERE event_type IN (1, 2, 3, 4) AND machine_id IS NULL") == [(0,)]
    assert ask("SELECT DISTINCT missing_info FROM task_events WHERE cpu_request IS NULL") == [(2,)]
    assert ask("SELECT count(*) FROM task_events ANTI JOIN machine_events USING (machine_id) WHERE machine_id IS NOT NULL") == [(0,)]


def test_a_machine_goes_and_comes(ask: Ask) -> None:
    lives = ask("SELECT string_agg(event_type::VARCHAR, '' ORDER BY row) FROM machine_events GROUP BY machine_id")
    assert [life for (life,) in lives if not re.fullmatch(r"0(2*10)*2*1?", life)] == []
    assert len(lives) == round(SCALE * MACHINES)


def test_usage_is_that_of_running_tasks(ask: Ask) -> None:
    query = "SELECT count(*) FROM task_usage WHERE end_time <= start_time OR start_time // 300000000 != (end_time - 1) // 300000000"
    assert ask(query) == [(0,)]
    query = """SELECT avg((cpu_rate > cpu_request)::INT), bool_and(maximum_cpu_rate >= cpu_rate), count(cycles_per_instruction) / count(*)
        FROM task_usage JOIN (SELECT job_id, task_index, min(cpu_request) AS cpu_request FROM task_events GROUP BY ALL)
        USING (job_id, task_index)"""
    ((past_request, is_maximum, known),) = ask(query)
    assert 0.005 < past_request < 0.1
    assert is_maximum
    assert 0.85 < known < 0.97


def test_as_many_lines_are_broken_as_asked(files: dict[str, bytes]) -> None:
    for name, lines in read(dict(trace.make_files(SCALE, broken=0.05))).items():
        table, whole = name.split("/")[0], gzip.decompress(files[name]).splitlines()
        bad = [line for line in lines if not is_good(table, line)]
        assert len(lines) == len(whole)
        assert len(bad) == round(0.05 * len(lines))
        assert whole[-1].startswith(lines[-1])
        assert lines[-1] == bad[-1]


def test_the_command_keeps_what_is_there_already(tmp_path: Path) -> None:
    command = ["sample", "trace", "--scale", "0.01", "--out", str(tmp_path)]
    said = [CliRunner().invoke(cli.app, command).output for _ in range(2)]
    assert "4 file(s) made, 0 there already" in said[0]
    assert "0 file(s) made, 4 there already" in said[1]
    assert (tmp_path / "task_events/part-00000-of-00500.csv.gz").exists()


def test_without_its_tools_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolMissing, match="needs numpy"):
        next(trace.make_files(1))
