"""Two runs that read two versions of one file: whoever commits and notes last, the tables hold what the book says."""

from collections.abc import Callable
from typing import Any

import pytest
from apps.trace import kit

import jobfiles
import jobrejects
import jobstage
from events import windows

pytestmark = pytest.mark.java
MACHINES = "yard.trusted.trace_machine_events"


@pytest.fixture
def three(make_yard: Callable[[], Any]) -> tuple[Any, Any, Any]:
    """Sessions on one lake: of two runs, and of who looks afterwards and remembers nothing."""
    left, right, reader = make_yard(), make_yard(), make_yard()
    right.share(left)
    reader.share(left)
    return left, right, reader


def race(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, table: str, second: Callable[[], Any]) -> list[Any]:
    """Between reading and writing of the first run the second one commits; what it would note is kept back."""
    from pyspark.sql import DataFrame

    real, note, notes = getattr(owner, name), jobfiles.note_files, list[Any]()

    def late(*what: Any) -> Any:
        if table and table not in [word for word in what if isinstance(word, str)]:
            return real(*what)
        monkeypatch.setattr(owner, name, real)
        read = [item.localCheckpoint() if isinstance(item, DataFrame) else item for item in what]
        monkeypatch.setattr(jobfiles, "note_files", lambda *noted: notes.append(noted))
        second()
        monkeypatch.setattr(jobfiles, "note_files", note)
        return real(*read)

    monkeypatch.setattr(owner, name, late)
    return notes


@pytest.mark.fault
@pytest.mark.parametrize(("owner", "table"), [(jobfiles, windows.EVENTS), (jobrejects, windows.QUARANTINE)])
def test_rows_are_not_replaced_by_older_ones(three: Any, monkeypatch: pytest.MonkeyPatch, owner: Any, table: str) -> None:
    left, right, reader = three

    def run(yard: Any) -> Any:
        return windows.main(["--input", left.uri, "--max-rejected", "1"], yard.spark)

    def second() -> None:
        left.put("a.csv", "2016-07-26T02:45:07.000Z,Open", "2016-07-26T02:46:07.000Z,Open", "newer")
        run(right)

    left.put("a.csv", "2016-07-26T02:45:07.000Z,Close", "older")
    notes = race(monkeypatch, owner, "replace_rows", table, second)
    run(left)
    for noted in notes:
        jobfiles.note_files(*noted)
    assert run(reader)["facts"]["files_new"] == 0
    assert reader.rows(windows.EVENTS, "action") == [("Open",), ("Open",)]
    assert reader.rows(windows.QUARANTINE, "line") == [("newer",)]
    assert reader.rows(windows.WINDOWS, "open_count", "close_count") == [(2, 0)]


@pytest.mark.fault
@pytest.mark.parametrize(("step", "table"), [("write", MACHINES), ("publish", "")])
def test_staged_rows_are_not_published_over_newer_ones(three: Any, monkeypatch: pytest.MonkeyPatch, step: str, table: str) -> None:
    left, right, reader = three
    machine = [kit.line("machine_events", time=0, machine_id=number, event_type=0, platform_id="p") for number in range(3)]

    def run(yard: Any) -> Any:
        return kit.load_job("land").main(["--input", left.uri], yard.spark)

    def second() -> None:
        kit.put(left, "machine_events", "a", machine[1:])
        run(right)

    kit.put(left, "machine_events", "a", machine[:1])
    notes = race(monkeypatch, jobstage.Stage, step, table, second)
    run(left)
    for noted in notes:
        jobfiles.note_files(*noted)
    assert run(reader)["facts"]["files_new"] == 0
    assert reader.rows(MACHINES, "machine_id") == [(1,), (2,)]
