"""What a run says: the job's RESULT, the run record around it, and what went wrong, as plain values."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sparkyard.errors import (
    Cancelled,
    ClusterError,
    InputError,
    JobFailed,
    OutOfMemory,
    SubmissionRejected,
    TimedOut,
    UsageError,
    YardError,
)

RESULT_MARK = "RESULT "
OUT_OF_MEMORY = re.compile(r"java\.lang\.OutOfMemoryError|OutOfMemoryError: (Java heap space|GC overhead)|^MemoryError\b|OOMKilled", re.M)
OUT_OF_MEMORY_CODES = {52, 137, -9}  # Spark's own code; killed by the kernel, seen from outside and from the parent
LAST_WORDS = re.compile(r"^(?:[\w$]+\.)*(\w*(?:Error|Exception|Interrupt|Exit))(?:: (.*))?$")
EXPLAINED: tuple[type[YardError], ...] = (
    UsageError,
    InputError,
    JobFailed,
    OutOfMemory,
    ClusterError,
    SubmissionRejected,
    Cancelled,
    TimedOut,
)
CAUSES = {kind.__name__: kind for kind in EXPLAINED}
UNREADABLE = re.compile(
    r"\[(?:PATH_NOT_FOUND|FAILED_READ_FILE[.\w]*)\] (.+?)(?: SQLSTATE| ←|$)"
)  # what Spark says of missing or broken files
RUN_SPECIFIC = ("run_id", "phases", "shortened")


@dataclass
class RunRecord:
    """All there is to know of one run, wherever it ran; `to_json` is what `--json` prints."""

    run_id: str
    manifest: str
    job: str
    place: str
    state: str = "running"  # running | succeeded | failed | cancelled; lost when its process is gone without a word
    pid: int | None = None  # of a run on this machine
    started: str = ""
    finished: str = ""
    times: dict[str, float] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)
    rows: dict[str, int | None] = field(default_factory=lambda: {"read": None, "rejected": None, "written": None})
    cause: dict[str, Any] | None = None
    summary: dict[str, Any] | None = None
    links: dict[str, str] = field(default_factory=dict)  # log, plot, user interface …
    ignored: list[str] = field(default_factory=list)  # what of the manifest has no meaning in this place

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=2)


def parse_record(text: str) -> RunRecord:
    return RunRecord(**json.loads(text))


def parse_result(lines: Iterable[str]) -> dict[str, Any] | None:
    """The last RESULT line that is whole; None when the job says nothing of itself."""
    found = None
    for line in lines:
        if line.startswith(RESULT_MARK):
            found = parse_summary(line.removeprefix(RESULT_MARK)) or found
    return found


def parse_summary(text: str) -> dict[str, Any] | None:
    """A termination message, or what follows RESULT."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def comparable(result: dict[str, Any]) -> dict[str, Any]:
    """A RESULT without what differs between two runs of the same job on the same data: run id and times."""
    return {key: value for key, value in result.items() if key not in RUN_SPECIFIC}


def add_result(record: RunRecord, result: dict[str, Any] | None) -> None:
    """Carry what the job says of itself into its record."""
    if result is None:
        return
    record.summary = result
    record.tables = list(result.get("tables", []))
    record.rows = {kind: result.get("rows", {}).get(kind) for kind in ("read", "rejected", "written")}
    record.times |= result.get("phases", {})


def find_cause(exit_code: int, result: dict[str, Any] | None, log: Sequence[str]) -> YardError | None:
    """Why a run failed, in one message; None if it did not."""
    if exit_code == 0 and (result or {}).get("status") != "failed":
        return None
    if exit_code in OUT_OF_MEMORY_CODES or OUT_OF_MEMORY.search("\n".join(log)):
        return OutOfMemory("the job ran out of memory")
    error = (result or {}).get("error") or _last_words(log)
    if not error:
        return JobFailed(f"the job ended with exit code {exit_code} and no error message")
    kind, message = error["type"], error["message"]
    if unreadable := UNREADABLE.search(message):
        return InputError(unreadable[1])
    return CAUSES[kind](message) if kind in CAUSES else JobFailed(f"{kind}: {message}" if message else kind)


def _last_words(log: Sequence[str]) -> dict[str, str] | None:
    """The last line that names an exception: how a Python traceback ends."""
    for index, line in reversed(list(enumerate(log))):
        if not (found := LAST_WORDS.match(line.strip())):
            continue
        below = log[index + 1].strip() if index + 1 < len(log) else ""
        if found[1] == "Py4JJavaError" and below.startswith(": "):  # what Java said stands a line below
            kind, _, message = below.removeprefix(": ").partition(": ")
            return {"type": kind.rpartition(".")[2], "message": message[:1500]}
        return {"type": found[1], "message": (found[2] or "").strip()[:1500]}
    return None


def cause_to_dict(error: YardError) -> dict[str, Any]:
    return {"type": type(error).__name__, "message": error.what, "exit_code": error.exit_code, "next": error.next_command}


def error_from_cause(cause: dict[str, Any], *, where: str = "", log: str = "") -> YardError:
    kind = CAUSES.get(cause["type"], JobFailed)
    return kind(cause["message"] + (f"\nLog: {log}" if log else ""), where=where, next_command=cause.get("next", ""))


def format_value(value: Any) -> str:
    """As a person likes to read it."""
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {format_value(inner)}" for key, inner in value.items())
    return str(value)
