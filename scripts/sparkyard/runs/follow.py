"""Follow one application to its end: state, driver log, task progress and trouble, whatever happens to the connection."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from queue import Empty, Queue
from typing import Any, Protocol

from sparkyard.errors import ClusterError, TimedOut, YardError
from sparkyard.kube import Gone, Kube, watch_object
from sparkyard.kube.applications import applications_path, get_driver, watch_progress
from sparkyard.kube.explain import FINAL_STATES, application_state, hint_from_log
from sparkyard.kube.logs import follow_driver_log
from sparkyard.runs.trouble import Seeker

Object = dict[str, Any]
TICK = 2.0  # seconds between looks for trouble
LAST_LINES = 5.0  # seconds to wait for the end of the log after the end of the job


class Listener(Protocol):
    """Who wants to hear; the command line's is cli/cluster_follow.py."""

    wants_progress: bool

    def state(self, state: str) -> None: ...
    def log(self, line: str) -> None: ...
    def progress(self, done: int, total: int) -> None: ...
    def note(self, text: str) -> None: ...


@dataclass
class Outcome:
    app: Object
    driver: Object | None = None
    log_tail: list[str] = field(default_factory=list)
    error: YardError | None = None  # when it was not the application that ended it


class Follower:
    def __init__(self, kube: Kube, app: Object, listener: Listener) -> None:
        self.kube, self.listener = kube, listener
        self.namespace, self.name = app["metadata"]["namespace"], app["metadata"]["name"]
        self.outcome = Outcome(app)
        self.news: Queue[tuple[str, Any]] = Queue()
        self.stop = threading.Event()
        self.seeker = Seeker(kube, listener.note)
        self.next_look = time.monotonic() + TICK

    def run(self, *, timeout: float | None = None, stuck_after: float = 120) -> Outcome:
        """Until the application has ended, or cannot begin for `stuck_after` seconds, or `timeout` is over."""
        deadline = time.monotonic() + timeout if timeout else None
        for work in (self._watch, self._follow_log, self._follow_progress):
            threading.Thread(target=self._guard, args=(work,), daemon=True).start()
        try:
            while not self._step() and not self.outcome.error:
                if time.monotonic() > self.next_look:
                    self._look_for_trouble(stuck_after)
                if deadline and time.monotonic() > deadline:
                    raise self._too_late(timeout or 0)
            self._take_last_lines()
        finally:
            self.stop.set()
        return self.outcome

    def _too_late(self, timeout: float) -> TimedOut:
        known = f"; {self.seeker.noted}" if self.seeker.noted else ""
        return TimedOut(
            f"still {application_state(self.outcome.app)} after {timeout:.0f} s{known}",
            where=f"{self.namespace}/{self.name}",
            next_command=f"sparkyard logs {self.name} -n {self.namespace} -f, or sparkyard cancel with the same words",
        )

    def _take_last_lines(self) -> None:
        deadline = time.monotonic() + LAST_LINES
        with suppress(Empty):
            while time.monotonic() < deadline:
                kind, value = self.news.get(timeout=1)
                if kind == "log":
                    self._take_line(value)

    def _guard(self, work: Callable[[], None]) -> None:
        """Only the watch may fail the run: without a log or a progress bar it goes on."""
        try:
            work()
        except Exception as error:
            if work == self._watch:
                self.news.put(("error", error))

    def _step(self) -> bool:
        """Take in one piece of news, if there is any; True when it was the last."""
        try:
            kind, value = self.news.get(timeout=TICK)
        except Empty:
            return False
        if kind == "log":
            self._take_line(value)
        elif kind == "progress":
            self.listener.progress(*value)
        elif kind == "error":
            raise value
        elif kind == "gone":
            self.outcome.error = ClusterError("somebody deleted the application while it ran")
        else:
            return self._take_state(value)
        return False

    def _take_state(self, app: Object) -> bool:
        before, now = application_state(self.outcome.app), application_state(app)
        self.outcome.app = app
        self._look_at_driver()
        if now != before:
            self.listener.state(now)
        return now in FINAL_STATES or now == "SUSPENDED"

    def _take_line(self, line: str) -> None:
        self.outcome.log_tail = [*self.outcome.log_tail[-199:], line]
        self.listener.log(line)
        if hint := hint_from_log(line):
            self.seeker.note(hint)

    def _look_at_driver(self) -> None:
        """Keep the driver's last sight: its termination message must survive its deletion."""
        with suppress(ClusterError):
            self.outcome.driver = get_driver(self.kube, self.outcome.app) or self.outcome.driver

    def _look_for_trouble(self, stuck_after: float) -> None:
        self.next_look = time.monotonic() + TICK
        with suppress(ClusterError):
            self._look_at_driver()
            found = self.seeker.look(self.outcome.app, self.outcome.driver)
            if found and found[1] > stuck_after:
                self.outcome.error = ClusterError(f"the driver cannot start: {found[0].message}")

    def _watch(self) -> None:
        try:
            for app in watch_object(self.kube, applications_path(self.namespace), self.name):
                self.news.put(("state", app))
                if self.stop.is_set():
                    return
        except Gone:
            self.news.put(("gone", None))

    def _follow_log(self) -> None:
        for line in follow_driver_log(self.kube, self.outcome.app, self.stop):
            self.news.put(("log", line))

    def _follow_progress(self) -> None:
        while self.listener.wants_progress and not self.stop.wait(2):
            driver = self.outcome.driver
            if driver and driver["status"].get("phase") == "Running":
                with suppress(OSError, HTTPException, ValueError, IndexError, ClusterError):  # no interface yet, or no more
                    for progress in watch_progress(self.kube, self.namespace, driver["metadata"]["name"], self.stop):
                        self.news.put(("progress", progress))
