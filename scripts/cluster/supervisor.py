"""Pid 1 of the node: keeps its components running and reaps orphans. When it dies, the kernel ends all that it holds.

A component is a file components/NAME.json {"argv": […], "env": {…}, "fds": […]}; while NAME.off lies beside it, it is kept stopped.
What became of it stands in NAME.state. It never waits for anything, so bringing the node up is the work of a child, node.py.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from place import Place, get_place, read_json, write_private

LONGEST_PAUSE = 10.0
LOOK, LOOK_WHEN_SETTLED = 0.1, 0.5  # seconds from one look at the files to the next
SETTLED = 30.0  # seconds since the last component came


class Component:
    """One program that has to run for as long as its file says so."""

    def __init__(self, place: Place, name: str) -> None:
        self.name = name
        self.log = place.log(name)
        self.file = place.components / f"{name}.json"
        self.off = place.components / f"{name}.off"
        self.state = place.components / f"{name}.state"
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self.not_before = 0.0
        self.last_exit: int | None = None

    def tend(self) -> None:
        wanted = not self.off.exists()
        if self.process and not wanted:
            os.kill(self.process.pid, signal.SIGTERM)
        elif not self.process and wanted and time.monotonic() >= self.not_before:
            self.start()

    def start(self) -> None:
        spec: dict[str, Any] = json.loads(self.file.read_text())
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                spec["argv"],
                env={**os.environ, **spec["env"]},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                pass_fds=spec["fds"],
                preexec_fn=unblock,
            )
        self.starts += 1
        self.not_before = time.monotonic() + min(LONGEST_PAUSE, 0.5 * 2 ** min(self.starts, 5))
        self.report()

    def ended(self, code: int) -> None:
        assert self.process
        self.process.returncode = self.last_exit = code
        self.process = None
        self.report()

    def report(self) -> None:
        pid = self.process.pid if self.process else None
        state = {"pid": pid, "since": time.time(), "starts": self.starts, "last_exit": self.last_exit}
        draft = self.state.with_suffix(".draft")
        draft.write_text(json.dumps(state))
        draft.replace(self.state)


def reap() -> Iterator[tuple[int, int]]:
    """Pid and exit code of every process that has ended, our own children and orphans alike."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def supervise(place: Place, bring_up: int) -> None:
    components: dict[str, Component] = {}
    came = time.monotonic()
    while True:
        for pid, code in reap():
            if pid == bring_up and code != 0:
                report_failure(place, code)
            for component in components.values():
                if component.process and component.process.pid == pid:
                    component.ended(code)
        for file in place.components.glob("*.json"):
            if file.stem not in components:
                components[file.stem], came = Component(place, file.stem), time.monotonic()
            components[file.stem].tend()
        settled = time.monotonic() - came > SETTLED
        signal.sigtimedwait({signal.SIGCHLD}, LOOK_WHEN_SETTLED if settled else LOOK)


def report_failure(place: Place, code: int) -> None:
    """For a bring-up that could not say so itself."""
    phase = read_json(place.phase) or {}
    if phase.get("phase") != "failed":
        error = f"bringing the node up ended with {code} in step {phase.get('step')!r}: see {place.log('node')}"
        write_private(place.phase, json.dumps({"phase": "failed", "error": error}))


def main() -> None:
    place = get_place()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    place.components.mkdir(parents=True, exist_ok=True)
    with place.log("node").open("ab") as out:
        node = Path(__file__).with_name("node.py")
        bring_up = subprocess.Popen(
            [sys.executable, str(node)], stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=unblock, start_new_session=True
        )
    bring_up.returncode = 0  # reaped by reap(), which sees every child
    supervise(place, bring_up.pid)


def unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def is_steady(state: dict[str, Any]) -> bool:
    """It runs, and not just between two failures."""
    return bool(state["pid"]) and time.time() - state.get("since", 0) > 1


def read_states(place: Place) -> dict[str, Any]:
    return {file.stem: read_json(file) for file in sorted(place.components.glob("*.state"))}


if __name__ == "__main__":
    main()
