"""What an application held, from looks at it that come when they come."""

from typing import Any

import pytest

from sparkyard.runs.meter import Meter, count_asked, make_cost

SPEC = {"driver": {"cores": 1, "memory": "512m"}, "executor": {"cores": 2, "memory": "1g", "instances": 3}}


def make_app(running: int) -> dict[str, Any]:
    states = {f"e{number}": "RUNNING" for number in range(running)} | {"gone": "COMPLETED"}
    return {"spec": SPEC, "status": {"executorState": states}}


def make_driver(phase: str = "Running", start: str = "1970-01-01T00:01:40Z") -> dict[str, Any]:
    return {"status": {"phase": phase, "startTime": start}}


def test_what_runs_is_counted_and_what_waits_is_not() -> None:
    meter = Meter()
    meter.note(make_app(0), None, 50)
    meter.note(make_app(0), make_driver("Pending"), 60)
    meter.note(make_app(0), make_driver(), 100)
    meter.note(make_app(2), make_driver(), 110)  # the driver alone for 10 s
    meter.note(make_app(2), make_driver("Succeeded"), 130)  # with two executors for 20 s
    meter.note(make_app(2), make_driver("Succeeded"), 900)
    assert meter.used == (10 * 1 + 20 * 5, 10 * 0.5 + 20 * 2.5)


def test_who_comes_later_counts_from_the_drivers_start() -> None:
    meter = Meter()
    meter.note(make_app(1), make_driver(), 150)
    assert meter.used == pytest.approx((50 * 3, 50 * 1.5))


def test_what_is_asked_is_all_that_it_may_hold() -> None:
    assert count_asked(SPEC) == (7, 3.5)
    dynamic = {"enabled": True, "maxExecutors": 10}
    assert count_asked(SPEC | {"dynamicAllocation": dynamic}) == (21, 10.5)


def test_cost_is_in_hours() -> None:
    assert make_cost({"spec": SPEC}, (1800, 3600), 7200) == {
        "asked_core_hours": 14,
        "asked_gib_hours": 7,
        "used_core_hours": 0.5,
        "used_gib_hours": 1,
    }
