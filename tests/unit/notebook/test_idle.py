"""What a kernel says before it is ended for being idle."""

import sys
import time
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest

from sparkyard.notebook.idle import Watch, make_words, watch_idle


class Publisher:
    def __init__(self) -> None:
        self.parent_header: dict[str, Any] = {}
        self.given: list[dict[str, Any]] = []

    def set_thread_parent(self, header: dict[str, Any]) -> None:
        self.given.append(header)


class Shell:
    """Of IPython, its events and its publisher."""

    def __init__(self) -> None:
        self.display_pub, self.events, self.called = Publisher(), self, {}

    def register(self, name: str, function: Any) -> None:
        self.called[name] = function

    def run(self, cell: str) -> None:
        self.called["pre_run_cell"](None)
        self.display_pub.parent_header = {"msg_id": cell, "msg_type": "execute_request"}
        self.called["post_run_cell"](None)


def test_it_says_when_and_what_to_do() -> None:
    since = datetime(2026, 1, 2, 13, 4, tzinfo=UTC)
    assert make_words(since, 300) == (
        "Nothing has run here since 13:04 UTC: in 5 minute(s) this kernel ends, and its variables and executors go. Run a cell to keep it"
    )
    assert "in 30 seconds" in make_words(since, 30)


def test_it_says_so_once_below_the_last_cell_and_without_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    module = ModuleType("IPython.display")
    module.display = lambda data, raw: shown.append(data["text/plain"])  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    shell = Shell()
    Watch(shell, 0.5, 60).start()
    shell.run("first")
    shell.run("last")
    shell.display_pub.parent_header = {"msg_id": "completion", "msg_type": "complete_request"}
    deadline = time.monotonic() + 30
    while not shown and time.monotonic() < deadline:
        time.sleep(0.05)
    shell.called["pre_run_cell"](None)
    assert len(shown) == 1
    assert shell.display_pub.given == [{"msg_id": "last", "msg_type": "kernel_info_request"}]


def test_it_is_silent_while_a_cell_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr("sparkyard.notebook.idle.show", lambda *said: told.append(said))
    shell = Shell()
    Watch(shell, 0.3, 60).start()
    shell.run("first")
    shell.called["pre_run_cell"](None)
    time.sleep(0.6)
    assert told == []


@pytest.mark.parametrize(("idle", "warning", "watched"), [("60", "30", True), ("60", "0", False), ("0", "30", False), ("", "", False)])
def test_only_where_a_kernel_is_ended(idle: str, warning: str, watched: bool) -> None:
    shell = Shell()
    watch_idle(shell, {"SPARKYARD_KERNEL_IDLE": idle, "SPARKYARD_KERNEL_WARNING": warning})
    assert bool(shell.called) is watched
