"""Stages that run, shown in the cell that waits for them; and why, where no executor comes."""

import contextvars
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 8.0  # an executor's pod takes some seconds; only then is asked why none comes


@dataclass(frozen=True)
class Stage:
    number: int
    tasks: int
    done: int
    running: int | None  # None: not told

    def __str__(self) -> str:
        return f"{self.done} of {self.tasks} tasks" + ("" if self.running is None else f", {self.running} running")


@dataclass(frozen=True)
class State:
    stages: tuple[Stage, ...]
    executors: int | None  # besides the driver; None: not told

    @property
    def words(self) -> str:
        return "" if self.executors is None else f"{self.executors} executor(s)"


def format_text(state: State, note: str = "") -> str:
    lines = [f"stage {stage.number}: {stage}" for stage in state.stages]
    return "\n".join(filter(None, [*lines, state.words, note]))


def format_html(state: State, note: str = "") -> str:
    bars = (
        f"<div>stage {stage.number} <progress value='{stage.done}' max='{stage.tasks}'></progress> {stage}</div>" for stage in state.stages
    )
    return f"{''.join(bars)}<div>{state.words}</div>{f'<div><b>{escape(note)}</b></div>' if note else ''}"


def get_state() -> State | None:
    """None where no session is, or it has just ended; nothing is started by looking."""
    pyspark = sys.modules.get("pyspark")
    context = getattr(getattr(pyspark, "SparkContext", None), "_active_spark_context", None)
    if context is None or context._jsc is None:
        return None
    tracker = context.statusTracker()
    found = [(number, tracker.getStageInfo(number)) for number in sorted(tracker.getActiveStageIds())]
    stages = tuple(Stage(number, info.numTasks, info.numCompletedTasks, info.numActiveTasks) for number, info in found if info)
    executors = len(context._jsc.sc().statusTracker().getExecutorInfos())
    return State(stages, executors if context.master.startswith("local") else executors - 1)


class Progress:
    def __init__(self, explain: Callable[[], str]) -> None:
        self._explain = explain
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, events: Any) -> None:
        events.register("pre_run_cell", lambda _: self._begin())
        events.register("post_run_cell", lambda _: self._end())

    def _begin(self) -> None:
        self._ended = threading.Event()
        # in the cell's own context: what is displayed then lands below this cell
        target = contextvars.copy_context().run
        self._thread = threading.Thread(target=target, args=(self._look, self._ended), daemon=True)
        self._thread.start()

    def _end(self) -> None:
        self._ended.set()
        if self._thread:
            self._thread.join(timeout=2)

    def _look(self, ended: threading.Event) -> None:
        shown, seen, begun = Display(), set[int](), time.monotonic()
        waiting_since, note = begun, ""
        while not ended.wait(LOOK_SECONDS):
            state = _get_state_quietly()
            if state is None or not state.stages:
                waiting_since = time.monotonic()
                continue
            if any(stage.running or stage.done for stage in state.stages):
                waiting_since, note = time.monotonic(), ""
            elif time.monotonic() - waiting_since > PATIENCE_SECONDS:
                waiting_since, note = time.monotonic(), self._explain()
            seen |= {stage.number for stage in state.stages}
            shown.show(format_text(state, note), format_html(state, note))
        if seen:
            words = f"{len(seen)} stage(s) seen to run in {time.monotonic() - begun:.1f} s"
            shown.show(words, f"<div>{words}</div>")


class CallProgress:
    """The same where Spark Connect tells it: it calls this, from the thread that waits."""

    def __init__(self) -> None:
        self._begin()

    def watch(self, events: Any) -> None:
        events.register("pre_run_cell", lambda _: self._begin())

    def _begin(self) -> None:
        self._shown, self._seen, self._begun = Display(), set[int](), time.monotonic()

    def __call__(self, stages: Any, inflight_tasks: int, operation_id: str | None, done: bool) -> None:
        found = tuple(Stage(stage.stage_id, stage.num_tasks, stage.num_completed_tasks, None) for stage in stages or () if not stage.done)
        self._seen |= {stage.number for stage in found}
        if done and self._seen:
            words = f"{len(self._seen)} stage(s) seen to run in {time.monotonic() - self._begun:.1f} s"
            self._shown.show(words, f"<div>{words}</div>")
        elif found:
            state, note = State(found, None), f"{inflight_tasks} task(s) running"
            self._shown.show(format_text(state, note), format_html(state, note))


def _get_state_quietly() -> State | None:
    try:
        return get_state()
    except Exception:  # the session may end at any moment, and progress must never break a cell
        return None


class Display:
    """One place below the cell, written again and again."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, text: str, html: str) -> None:
        from IPython.display import display

        data = {"text/plain": text, "text/html": html}
        if self._handle is None:
            self._handle = display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)
