"""`make bench-jobs`: the questions about the trace, three ways, in one run on the same machine and files.

ours    the real jobs on landed tables; landing is timed apart, once, from the start of its process
usual   Spark as it is usually used for them: gzip CSV read for each question, Spark's own defaults; the same heap and cores as ours
duckdb  DuckDB on the same gzip CSV files

Cold is from the start of a process to its answer; warm is the second time in a process that has answered everything once. A difference
between the answers ends the run before anything of that size is timed. Both clocks are told: seconds that passed, for which nothing else
may run meanwhile, and seconds of CPU.

  python scripts/bench/jobs.py --scales 1,4,16
  python scripts/bench/jobs.py --scales 1 --questions q3,q7 --kinds warm --json figures.json
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from questions import SQL
from sides import Lake, Worker, ensure_archive, started
from tables import SIDES, Measured, format_growth, format_scale
from worker import Rows

from sparkyard.project import ROOT


class Bench:
    """All of one scale."""

    def __init__(self, lake: Lake, questions: Sequence[str]) -> None:
        self.lake, self.questions = lake, questions
        self.measured: list[Measured] = []

    def note(self, kind: str, question: str, side: str, begin: float, worker: Worker, before: float = 0.0) -> None:
        seconds, cpu = time.monotonic() - begin, worker.cpu() - before
        figure = Measured(self.lake.scale, kind, question, side, round(seconds, 3), round(cpu, 2), round(worker.peak()))
        self.measured.append(figure)
        print(f"scale {figure.scale:<5g} {kind:5} {question:11} {side:7} {seconds:8.2f} s {cpu:8.2f} CPU s {figure.peak:7} MiB", flush=True)

    def cold(self, side: str, question: str) -> None:
        with started(side, self.lake, question) as (worker, begin):
            worker.ask(question)
            self.note("cold", question, side, begin, worker)
            worker.rows()

    def warm(self) -> None:
        with ExitStack() as stack:
            workers = {side: stack.enter_context(started(side, self.lake, "session"))[0] for side in SIDES}
            for worker in workers.values():
                worker.ask("start")
                worker.rows()
            for question in self.questions:
                compare(question, {side: worker.answer(question) for side, worker in workers.items()})
            print(f"scale {self.lake.scale:<5g} the three sides agree on {', '.join(self.questions)}", flush=True)
            for question in self.questions:
                for side, worker in workers.items():
                    worker.forget_peak()
                    begin, before = time.monotonic(), worker.cpu()
                    worker.ask(question)
                    self.note("warm", question, side, begin, worker, before)
                    worker.rows()

    def run(self, kinds: Sequence[str]) -> list[Measured]:
        ensure_archive(self.lake.home / "first")
        self.lake.fill()
        self.lake.empty()
        self.cold("ours", "landing")
        if "warm" in kinds:
            self.warm()
        if "cold" in kinds:
            for question in self.questions:
                for side in SIDES:
                    self.cold(side, question)
        return self.measured


def compare(question: str, answers: dict[str, Rows]) -> None:
    told = {side: sorted(rows, key=in_order) for side, rows in answers.items()}
    for side, rows in told.items():
        pairs = zip(told["ours"], rows, strict=False)
        other = next((pair for pair in pairs if not equal(*pair)), None)
        if other or len(rows) != len(told["ours"]) or not rows:
            first = other or (f"{len(told['ours'])} rows", f"{len(rows)} rows")
            sys.exit(f"{question}: ours and {side} differ, nothing is compared further: {first[0]} against {first[1]}")


def in_order(row: Sequence[object]) -> list[str]:
    """By the first two cells, then by those that are no fractions, which differ in their last digits."""
    return [*map(str, row[:2]), *(str(cell) for cell in row[2:] if not isinstance(cell, float))]


def equal(ours: Sequence[object], theirs: Sequence[object]) -> bool:
    """Counts and names exactly; what is a fraction on either side to 1e-9."""
    if len(ours) != len(theirs):
        return False
    return all(
        math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12) if isinstance(one, float) and isinstance(other, float) else one == other
        for one, other in zip(ours, theirs, strict=True)
    )


def scales(text: str) -> list[float]:
    return [float(scale) for scale in text.split(",") if scale]


def listed(allowed: Sequence[str], text: str) -> list[str]:
    chosen = text.split(",")
    if unknown := set(chosen) - set(allowed):
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: not one of {', '.join(allowed)}")
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scales", type=scales, default=[1.0], help="shards (1)")
    parser.add_argument("--questions", type=lambda text: listed(list(SQL), text), default=list(SQL), help="q1,q2,… (all)")
    parser.add_argument("--kinds", type=lambda text: listed(["cold", "warm"], text), default=["cold", "warm"], help="cold,warm (both)")
    parser.add_argument("--home", type=Path, default=ROOT / "build/bench", help="where samples and lakes lie (build/bench)")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    args = parser.parse_args()
    measured: list[Measured] = []
    for scale in args.scales:
        measured += Bench(Lake(args.home.resolve() / f"scale-{scale:g}", scale), args.questions).run(args.kinds)
        if args.json:
            args.json.write_text(json.dumps([asdict(figure) for figure in measured], indent=1))
    for scale in args.scales:
        print(format_scale(scale, measured))
    if len(args.scales) > 1:
        print(format_growth(measured))


if __name__ == "__main__":
    main()
