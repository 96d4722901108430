"""Cases that all take long: one of them a day in the short run, three where what they guard has changed, every one with --long."""

import subprocess
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sparkyard.local.home import cache_dir
from sparkyard.project import ROOT

TODAY = date.today().toordinal()
OF_CHANGED = 3
NODE = ("scripts/cluster/",)
PLATFORM = ("scripts/sparkyard/", "charts/", "images/")


def rotating(cases: Sequence[Any], guarding: Sequence[str] = ()) -> list[Any]:
    """For pytest.mark.parametrize; a case of several arguments is a tuple. `guarding`: the folders and files whose faults these are."""
    chosen = todays(len(cases), guarding)
    return [case if index in chosen else _long(case) for index, case in enumerate(cases)]


def rotate_faults(items: Iterable[pytest.Item]) -> None:
    """Of the tests of each file that are marked as faults."""
    faults: dict[Path, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("fault"):
            faults.setdefault(item.path, []).append(item)
    for file, of_file in faults.items():
        chosen = todays(len(of_file), guarded_by(file))
        for index, item in enumerate(of_file):
            if index not in chosen:
                item.add_marker("long")


def guarded_by(file: Path) -> Sequence[str]:
    """tests/apps/share guards spark_apps/share/, its helpers spark_apps/share*.py, and what all jobs stand on; tests/cluster the node."""
    room, *inner = file.relative_to(ROOT / "tests").parts
    if room == "apps":
        return (f"spark_apps/{inner[0]}", "spark_apps/job")
    return NODE if room == "cluster" else PLATFORM


def todays(number: int, guarding: Sequence[str]) -> set[int]:
    count = OF_CHANGED if any(path.startswith(tuple(guarding)) for path in changed_files()) else 1
    return {(TODAY + step * max(1, number // count)) % number for step in range(count)}


@cache
def changed_files() -> list[str]:
    """What differs from the commit that .ci/run passed last on this machine; nothing where it never did."""
    passed = cache_dir() / "passed"
    if not passed.exists():
        return []
    command = ["git", "-C", str(ROOT), "diff", "--name-only", passed.read_text().strip()]
    return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()


def _long(case: Any) -> Any:
    return pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.long)
