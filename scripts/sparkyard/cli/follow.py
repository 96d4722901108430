"""What a person sees while a job runs here: steps and Spark's tasks, on stderr, so that stdout stays the result's."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from sparkyard.local.plan import Plan
from sparkyard.summary import RunRecord


@contextmanager
def follow() -> Iterator["Follower"]:
    console = Console(stderr=True, highlight=False)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(24), TextColumn("{task.fields[tasks]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Follower(console, progress)


class Follower:
    """Turns what happens into a bar on a terminal, and into plain lines elsewhere."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self.console, self.progress = console, progress
        self.bar: TaskID | None = None
        self.name, self.begin = "", time.monotonic()

    def planned(self, plan: Plan, record: RunRecord) -> None:
        self.console.print(f"[bold]{plan.job}[/] on this machine: {plan.master}, {plan.sizes}", soft_wrap=True)
        if plan.ignored:
            self.console.print(f"  without a meaning here: {', '.join(plan.ignored)}", style="dim", soft_wrap=True)
        self.step("start Spark")

    def step(self, name: str) -> None:
        self._finish()
        self.name, self.begin = name, time.monotonic()
        self.bar = self.progress.add_task(name, total=None, tasks="")

    def stage(self, number: int, done: int, total: int) -> None:
        if self.bar is not None:
            self.progress.update(self.bar, completed=done, total=total, tasks=f"{done}/{total} tasks")

    def output(self, line: str) -> None:
        self.console.print(line, markup=False, style="dim", soft_wrap=True)

    def _finish(self) -> None:
        if self.bar is not None:
            self.progress.remove_task(self.bar)
            self.console.print(f"  {self.name:<16} {time.monotonic() - self.begin:5.1f} s", style="dim")
