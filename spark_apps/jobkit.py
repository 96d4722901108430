"""What our jobs share: arguments that refuse clearly, timed phases, and one result for people and machines.

Knows pyspark and nothing else: not where it runs, not where tables are stored.
"""

import argparse
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NoReturn

from pyspark.sql import SparkSession

SUMMARY_BYTES = 4096  # what Kubernetes keeps of a termination message


class JobError(Exception):
    """A failure that its message explains; no traceback adds to it."""


class UsageError(JobError):
    """An argument is wrong."""


class InputError(JobError):
    """The input is missing or broken."""


class Arguments(argparse.ArgumentParser):
    """An argparse parser whose refusals end in the job's result, as every other failure does."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} ({' '.join(self.format_usage().split())})")


class Job:
    """What a run says about itself; `compute` functions fill it in."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.run_id = os.environ.get("SPARKYARD_RUN_ID") or f"{name}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
        self.rows = {"read": 0, "rejected": 0, "written": 0}
        self.tables: list[str] = []
        self.versions: dict[str, int | None] = {}  # of tables, before anything was read
        self.checks: dict[str, bool] = {}
        self.facts: dict[str, Any] = {}
        self.highlights: list[list[Any]] = []
        self.phases: dict[str, float] = {}
        self.plot: dict[str, Any] | None = None

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Say what begins (a `STEP` line, for whoever follows the log) and keep how long it took."""
        print(f"STEP {name}", flush=True)
        begin = time.monotonic()
        try:
            yield
        finally:
            self.phases[name] = round(time.monotonic() - begin, 3)

    def check(self, what: str, holds: bool) -> None:
        """A check that fails fails the job: a wrong table is worse than none."""
        self.checks[what] = holds
        if not holds:
            raise JobError(f"check failed: {what}")

    def result(self, error: BaseException | None = None) -> dict[str, Any]:
        fields = ("rows", "tables", "checks", "facts", "highlights", "phases", "plot")
        result = {"job": self.name, "run_id": self.run_id, "status": "failed" if error else "ok"}
        result |= {field: value for field in fields if (value := getattr(self, field)) not in (None, [], {})}
        if error:
            result["error"] = {"type": type(error).__name__, "message": explain(error)}
        return result


def run(
    name: str,
    parser: argparse.ArgumentParser,
    compute: Callable[[SparkSession, argparse.Namespace, Job], None],
    argv: Sequence[str] | None,
    spark: SparkSession | None,
) -> dict[str, Any]:
    """Parse, get the session, compute, and say how it went, also when it went wrong."""
    job = Job(name)
    try:
        args = parser.parse_args(argv)
        with job.phase("session"):
            spark = spark or SparkSession.builder.appName(name).getOrCreate()
        compute(spark, args, job)
    except Exception as error:
        emit(job.result(error))
        raise
    return emit(job.result())


def launch(main: Callable[[], dict[str, Any]]) -> None:
    """The end of every job file: an explained failure ends in a line, any other in its traceback."""
    try:
        main()
    except JobError as error:
        sys.exit(f"{type(error).__name__}: {error}")


@contextmanager
def every(seconds: float, tell: Callable[[], None]) -> Iterator[None]:
    """A sign of life now and then while something long goes on."""
    over = threading.Event()

    def keep_telling() -> None:
        while not over.wait(seconds):
            tell()

    teller = threading.Thread(target=keep_telling, daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()


def emit(result: dict[str, Any]) -> dict[str, Any]:
    """Leave the result where the platform looks: the termination message and the last line of stdout."""
    line = format_summary(result)
    path = Path(os.environ.get("SPARKYARD_SUMMARY", "/dev/termination-log"))
    if path.exists() or "SPARKYARD_SUMMARY" in os.environ:
        with suppress(OSError):  # no place to write it to is no reason to fail: the line below remains
            path.write_text(line)
    print(f"RESULT {line}", flush=True)
    return result


def explain(error: BaseException) -> str:
    """The words of an error without the Java stack below them; the root cause is the last thing that Java says."""
    told, *stack = re.split(r"\n\s*at |\n\s*JVM stacktrace:", str(error), maxsplit=1)
    told = re.sub(r"^An error occurred while calling \S+\n: ", "", told.strip())
    causes = re.findall(r"Caused by: (.+)", "".join(stack))
    return " ← ".join(dict.fromkeys([told, *causes[-1:]]))[:1500]


def format_summary(result: dict[str, Any]) -> str:
    """One line of JSON within the limit; what is only nice to have goes first."""
    kept = dict(result)
    for expendable in ("highlights", "plot", "facts", "phases", "checks", "tables"):
        line = json.dumps(kept, separators=(",", ":"), default=str)
        if len(line.encode()) <= SUMMARY_BYTES:
            return line
        kept.pop(expendable, None)
        kept["shortened"] = True
    return json.dumps(kept, separators=(",", ":"), default=str)


def share(text: str) -> float:
    """An argument between 0 and 1."""
    with suppress(ValueError):
        if 0 <= float(text) <= 1:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text} is not a share between 0 and 1")


def whole(low: int, high: int) -> Callable[[str], int]:
    """An argument that is a whole number within bounds."""

    def parse(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text} is not a whole number from {low} to {high}")
        return int(text)

    return parse


def day(earliest: date) -> Callable[[str], date]:
    """An argument that is a date on which there may be something."""

    def parse(text: str) -> date:
        found, today = None, datetime.now(UTC).date()
        with suppress(ValueError):
            found = date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
        if not found or not earliest <= found <= today:
            raise argparse.ArgumentTypeError(f"{text} is no date YYYY-MM-DD from {earliest} to today, {today} in UTC")
        return found

    return parse
