"""Cases that all take long: one of them a day in the short run, three where what they guard has changed, every one with --long."""

import subprocess
from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any

import pytest

from sparkyard.local.home import cache_dir
from sparkyard.project import ROOT

TODAY = date.today().toordinal()
OF_CHANGED = 3


def rotating(cases: Sequence[Any], guarding: Sequence[str] = ()) -> list[Any]:
    """For pytest.mark.parametrize; a case of several arguments is a tuple. `guarding`: the folders and files whose faults these are."""
    count = OF_CHANGED if any(path.startswith(tuple(guarding)) for path in changed_files()) else 1
    chosen = {(TODAY + step * max(1, len(cases) // count)) % len(cases) for step in range(count)}
    return [case if index in chosen else _long(case) for index, case in enumerate(cases)]


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
