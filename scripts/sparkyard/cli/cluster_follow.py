"""What a person sees while an application runs on the cluster: states, the driver's log and a bar of tasks, on stderr."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sparkyard.errors import Cancelled

if TYPE_CHECKING:
    from sparkyard.kube import Kube
    from sparkyard.summary import RunRecord

STYLES = {"COMPLETED": "green", "FAILED": "red", "SUBMISSION_FAILED": "red", "FAILING": "red"}


@contextmanager
def follow(*, log: bool = True) -> Iterator["ClusterFollower"]:
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console(stderr=True, highlight=False)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(24), TextColumn("{task.fields[tasks]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield ClusterFollower(console, progress, log)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """A polite request to end is what Ctrl-C is."""
    raise KeyboardInterrupt


class ClusterFollower:
    def __init__(self, console: Console, progress: Progress, shows_log: bool) -> None:
        self.console, self.bars, self.shows_log = console, progress, shows_log
        self.wants_progress = console.is_terminal
        self.begin = time.monotonic()
        self.bar = progress.add_task("NEW", total=None, tasks="")

    def state(self, state: str) -> None:
        self.console.print(f"{time.monotonic() - self.begin:6.1f} s  [{STYLES.get(state, 'bold')}]{state}[/]")
        self.bars.update(self.bar, description=state)

    def log(self, line: str) -> None:
        if self.shows_log:
            self.console.print(f"  {line}", markup=False, style="dim", soft_wrap=True)

    def progress(self, done: int, total: int) -> None:
        self.bars.update(self.bar, completed=done, total=total or None, tasks=f"{done}/{total} tasks")

    def note(self, text: str) -> None:
        self.console.print(f"  ! {text}", markup=False, style="yellow", soft_wrap=True)


def print_end(record: "RunRecord", home: Path, json_: bool) -> None:
    from sparkyard.cli.display import show_run
    from sparkyard.summary import error_from_cause

    if json_:
        print(record.to_json())
    if record.cause:
        raise error_from_cause(record.cause, where=record.job)
    if not json_:
        show_run(record, home)


def interrupted(kube: "Kube", application: dict[str, Any], cancel: bool) -> Cancelled:
    from sparkyard.runs.cluster_run import cancel_application

    name, namespace = application["metadata"]["name"], application["metadata"]["namespace"]
    if cancel or (sys.stdin.isatty() and typer.confirm(f"\nCancel {namespace}/{name}? Otherwise it goes on", err=True)):
        cancel_application(kube, namespace, name)
        return Cancelled("cancelled", where=f"{namespace}/{name}", next_command=f"sparkyard delete {name} -n {namespace}")
    return Cancelled("no longer followed; it goes on", where=f"{namespace}/{name}", next_command=f"sparkyard logs {name} -n {namespace} -f")
