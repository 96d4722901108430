"""Run Spark's process and follow it: steps, stages and output as they come, everything in a log."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from sparkyard.summary import RESULT_MARK

STEP_MARK = "STEP "
STAGE = re.compile(r"\[Stage (\d+):[=> ]*\((\d+) \+ (\d+)\) / (\d+)\]")
# A shell that hears from us at the end; hearing nothing, because we were killed, it ends what we started.
GUARD = 'read -r word || { kill -s TERM -- "-$1"; sleep 5; kill -s KILL -- "-$1"; }'


class Listener(Protocol):
    """Who wants to know while it runs."""

    def step(self, name: str) -> None: ...
    def stage(self, number: int, done: int, total: int) -> None: ...
    def output(self, line: str) -> None: ...


@dataclass
class Outcome:
    exit_code: int
    started: float  # seconds from launch to the job's first step
    stopped: float  # seconds from its result to the end of the process
    result: list[str]


def run_process(command: Sequence[str], env: dict[str, str], log: Path, listener: Listener) -> Outcome:
    """Blocks until the process ends; whoever interrupts it ends the process too."""
    begin = time.monotonic()
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        assert process.stdout
        assert process.stderr
        out = _Output(file, listener, begin)
        threads = [
            threading.Thread(target=out.follow_stdout, args=(process.stdout,)),
            threading.Thread(target=out.follow_stderr, args=(process.stderr,)),
        ]
        try:
            with guarded(process):
                for thread in threads:
                    thread.start()
                process.wait()
        finally:
            stop_process(process)
            for thread in threads:
                thread.join()
    end = time.monotonic()
    return Outcome(process.returncode, round((out.first_step or end) - begin, 3), round(end - (out.last_word or end), 3), out.result)


@contextmanager
def guarded(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    command = ["sh", "-c", GUARD, "guard", str(process.pid)]
    null = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=null, stderr=null, start_new_session=True) as guard:
        try:
            yield
        finally:
            guard.communicate(b"done\n")


def stop_process(process: "subprocess.Popen[bytes]", patience: float = 10) -> None:
    """End the Java process and its Python, politely first. Its group is its own, so nobody else is meant."""
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, signal_number)
            process.wait(timeout=patience)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


class _Output:
    """Sorts what the process says: progress to the listener, all else to the log."""

    def __init__(self, log: IO[bytes], listener: Listener, begin: float) -> None:
        self.log, self.listener, self.begin = log, listener, begin
        self.lock = threading.Lock()
        self.first_step: float | None = None
        self.last_word: float | None = None
        self.ended = False
        self.result: list[str] = []

    def write(self, line: bytes) -> None:
        with self.lock:
            self.log.write(line + b"\n")
            self.log.flush()

    def follow_stdout(self, stream: IO[bytes]) -> None:
        for raw in stream:
            self.write(raw.rstrip(b"\r\n"))
            line = raw.decode(errors="replace").rstrip()
            if line.startswith(STEP_MARK):
                self.first_step = self.first_step or time.monotonic()
                self.listener.step(line.removeprefix(STEP_MARK))
            elif line.startswith(RESULT_MARK):
                self.last_word = time.monotonic()
                self.result.append(line)
            elif not self._is_end(line):
                self.listener.output(line)

    def _is_end(self, line: str) -> bool:
        """What follows a result or a traceback is for the log: Spark mixes what Python says to people with what it says of its end."""
        self.ended = self.ended or line.startswith("Traceback ")
        return self.ended or bool(self.result)

    def follow_stderr(self, stream: IO[bytes]) -> None:
        """Spark draws its progress bar with carriage returns among the lines of the log."""
        rest = b""
        while chunk := stream.read1(65536):  # type: ignore[attr-defined]
            *whole, rest = re.split(rb"[\r\n]+", rest + chunk)
            for piece in whole:
                self._sort(piece)
        self._sort(rest)

    def _sort(self, piece: bytes) -> None:
        text = piece.decode(errors="replace")
        for stage in STAGE.finditer(text):
            number, done, _, total = map(int, stage.groups())
            self.listener.stage(number, done, total)
        if rest := STAGE.sub("", text).strip():
            self.write(rest.encode())
