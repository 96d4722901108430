"""Cases that all take long: one of them a day in the short run, every one with --long."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

TODAY = date.today().toordinal()


def rotating(cases: Sequence[Any]) -> list[Any]:
    """For pytest.mark.parametrize; a case of several arguments is a tuple."""
    return [case if index == TODAY % len(cases) else _long(case) for index, case in enumerate(cases)]


def _long(case: Any) -> Any:
    return pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.long)
