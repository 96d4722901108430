"""What an application holds while it runs, in core-seconds and GiB-seconds, as its manifest sizes its driver and executors."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sparkyard.manifest import parse_memory

Object = dict[str, Any]
Size = tuple[float, float]  # cores, GiB


def make_size(role: Object) -> Size:
    return float(role.get("cores") or 1), parse_memory(role.get("memory") or "1g") / 1024


def add(*sizes: Size) -> Size:
    return sum(cores for cores, _ in sizes), sum(memory for _, memory in sizes)


def times(size: Size, count: float) -> Size:
    return size[0] * count, size[1] * count


def count_asked(spec: Object) -> Size:
    """All that it may hold at once."""
    dynamic = spec.get("dynamicAllocation") or {}
    most = dynamic.get("maxExecutors") if dynamic.get("enabled") else None
    executors = most or spec["executor"].get("instances") or 1
    return add(make_size(spec["driver"]), times(make_size(spec["executor"]), executors))


@dataclass
class Meter:
    """Fed with what is seen at each look; what ran between two looks is what the earlier one saw."""

    at: float = 0.0
    held: Size = (0.0, 0.0)
    used: Size = (0.0, 0.0)  # core-seconds, GiB-seconds

    def note(self, app: Object, driver: Object | None, now: float) -> None:
        running = (driver or {}).get("status", {}).get("phase") == "Running"
        if running and not self.at:  # it ran before this meter was there to see it: after a restart of who watches
            self.at, self.held = _started(driver, now), _held(app)
        self.used = add(self.used, times(self.held, now - self.at if self.at else 0))
        self.at, self.held = now if self.at else 0.0, _held(app) if running else (0.0, 0.0)


def _held(app: Object) -> Size:
    states = (app.get("status", {}).get("executorState") or {}).values()
    executors = sum(state == "RUNNING" for state in states)
    return add(make_size(app["spec"].get("driver", {})), times(make_size(app["spec"].get("executor", {})), executors))


def _started(driver: Object | None, now: float) -> float:
    text = (driver or {}).get("status", {}).get("startTime")
    return min(now, datetime.fromisoformat(text).timestamp()) if text else now


def make_cost(app: Object, used: Size, seconds: float) -> dict[str, float]:
    """`seconds`: how long it was there, from its submission to its end."""
    asked = times(count_asked(app["spec"]), seconds)
    amounts = {"asked_core": asked[0], "asked_gib": asked[1], "used_core": used[0], "used_gib": used[1]}
    return {f"{name}_hours": round(value / 3600, 4) for name, value in amounts.items()}
