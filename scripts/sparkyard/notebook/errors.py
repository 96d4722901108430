"""An error of a cell in words: the cause, what to do, the cell's own line. Python's and Java's whole traces are a `%tb` away."""

import json
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

SHARES = Path("/shares")
MEMORY = "an executor ran out of memory. Choose a larger size when the server starts, or give a task fewer rows with .repartition(…)"
# What the trace says, and what it means; the first that fits is told.
CAUSES: Sequence[tuple[str, str]] = (
    (r"sparkyard: ([^\n\"]+)", "{0}"),  # the door in front of Spark Connect has found words already
    (
        r"SESSION_(?:CHANGED|NOT_FOUND|CLOSED)|OPERATION_NOT_FOUND|RESPONSE_ALREADY_RECEIVED|NO_ACTIVE_SESSION|server side session id",
        "the Connect server has started anew, or has ended this session because nothing ran in it for long: its temporary views are gone, "
        "tables are not. Run the cell again, and what it needs of the cells above",
    ),
    (r"OOMKilled|exit code[: ]+(?:137|52)\b|Container killed .* memory|beyond physical memory", MEMORY),
    (r"java\.lang\.OutOfMemoryError.*|GC overhead limit exceeded", "Spark's driver, this notebook, ran out of memory: collect fewer rows"),
    (r"Total size of serialized results .* is bigger than", "too many rows for this notebook: aggregate them, or write them to a table"),
    (r"exceeded quota: ([^\n]+)", "the quota is full ({0}). Stop another kernel (File ▸ Shut Down), or ask for more"),
    (r"Transport endpoint is not connected|Host is down|Stale file handle", "the share does not answer. `sparkyard share test` says why"),
    (r"Input/output error", "a file cannot be read: a share that is down says so. `sparkyard share test` says why"),
    (r"\[PATH_NOT_FOUND\] ([^\n]+)", "{0}"),
    (
        r"AccessDenied|403 Forbidden|Access Denied",
        "the notebook's role may read the lake and not write it: that is for jobs (`sparkyard promote`)",
    ),
    (
        r"permission denied for table (\w+)",
        "the notebook's role may read the catalog and not write it: that is for jobs (`sparkyard promote`)",
    ),
    (
        r"Unable to connect to|Connection refused|UnknownHostException: ([^\n]+)",
        "the lake does not answer: `sparkyard doctor` says what is down",
    ),
    (
        r"Connection reset by peer|Answer from Java side is empty|Py4JNetworkError",
        "Spark's process has died, most likely for lack of memory: restart the kernel",
    ),
)


def watch_errors(shell: Any, notice: Callable[[BaseException], None] = lambda _: None) -> None:
    """`notice` hears of each error before it is shown."""

    def show(shell: Any, kind: type[BaseException], error: BaseException, trace: TracebackType, tb_offset: int | None = None) -> None:
        notice(error)
        show_error(shell, kind, error, trace, tb_offset)

    shell.set_custom_exc((Exception,), show)


def show_error(shell: Any, kind: type[BaseException], error: BaseException, trace: TracebackType, tb_offset: int | None = None) -> None:
    words = explain(error)
    if words is None:
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
        return
    sys.last_type, sys.last_value, sys.last_traceback = kind, error, trace  # for %tb
    lines = [f"\x1b[31m{kind.__name__}\x1b[0m: {words}", *find_line(trace), "%tb shows the whole trace"]
    shell._showtraceback(kind, error, lines)


def explain(error: BaseException) -> str | None:
    """None for what Python itself tells well enough."""
    text = f"{error}\n{getattr(error, 'java_exception', '') or ''}"
    if lost := explain_share(text):
        return lost
    if not is_spark(error):
        return None
    for pattern, words in CAUSES:
        if found := re.search(pattern, text):
            return words.format(*(group or "" for group in found.groups()))
    return shorten(text)


def explain_share(text: str) -> str | None:
    """Where a file of a share cannot be had, and the agent that mounts it on this node says why: the share, its server and the cause."""
    if found := re.search(rf"{SHARES}/([\w-]+)/files\b", text):
        with suppress(OSError, ValueError):
            state = json.loads((SHARES / found[1] / "state.json").read_text())
            return None if state["state"] == "mounted" else f"{state['message']}. `sparkyard share test {found[1]}`"
    return None


def is_spark(error: BaseException) -> bool:
    return type(error).__module__.split(".")[0] in ("pyspark", "py4j")


def shorten(text: str) -> str:
    """The words above Java's stack, and the last cause that it names; of a failed Python worker its last line."""
    told, *stack = re.split(r"\n\s*at |\n\s*JVM stacktrace:", text.strip(), maxsplit=1)
    told = re.sub(r"^An error occurred while calling \S+\n: ", "", told.strip())
    if python := re.findall(r"^(\w+(?:Error|Exception): .+)$", told, re.MULTILINE):
        return str(python[-1])
    causes = re.findall(r"Caused by: (.+)", "".join(stack))
    return " ← ".join(dict.fromkeys([told.split("\nDriver stacktrace:")[0], *causes[-1:]]))[:1500]


def find_line(trace: TracebackType) -> list[str]:
    """The cell's line at which it happened."""
    frames = [frame for frame in traceback.extract_tb(trace) if "ipykernel" in frame.filename or frame.filename.startswith("<ipython")]
    return [f"  line {frame.lineno}: {frame.line}" for frame in frames[:1] if frame.line]
