"""Cases that all take long: one of them a day in the short run, every one with --long."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

TODAY = date.today().toordinal()


def rotating(cases: Sequence[Any]) -> list[Any]:
    return [case if index == TODAY % len(cases) else pytest.param(case, marks=pytest.mark.long) for index, case in enumerate(cases)]
