"""What of executors is told, and what is only the end of their driver."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sparkyard.runs import trouble
from sparkyard.runs.trouble import WINDING_DOWN, Seeker

Object = dict[str, Any]
TERM = {"exitCode": 143, "reason": "Error"}
TOLD = "executor x-exec-1: container executor ended with exit code 143"


def make_pod(name: str, phase: str = "Running", ended: Object | None = None, **status: Any) -> Object:
    container = {"name": "executor", "image": "i", "state": {"terminated": ended} if ended else {"running": {}}}
    spec = {"containers": [{"name": "executor", "resources": {"limits": {"memory": "1Gi"}}}]}
    return {"metadata": {"name": name}, "spec": spec, "status": {"phase": phase, "containerStatuses": [container], **status}}


class World:
    """An application, its driver, its executors, and a clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state, self.now = "RUNNING", 1000.0
        self.driver: Object = make_pod("x-driver")
        self.executors: list[Object] = []
        self.heard: list[str] = []
        monkeypatch.setattr(trouble, "list_executors", lambda kube, app: self.executors)
        monkeypatch.setattr(trouble.time, "monotonic", lambda: self.now)
        self.seeker = Seeker(None, self.heard.append)  # type: ignore[arg-type]

    def look(self, after: float = 2) -> list[str]:
        """What has been told until then."""
        self.now += after
        self.seeker.look({"metadata": {"name": "x"}, "status": {"applicationState": {"state": self.state}}}, self.driver)
        return self.heard


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_an_executor_that_ends_before_its_driver_has_is_no_trouble(world: World) -> None:
    world.executors = [make_pod("x-exec-1", "Failed", TERM)]
    assert world.look() == []
    world.driver = make_pod("x-driver", "Succeeded", {"exitCode": 0})
    assert world.look() == []
    world.executors, world.driver = [], make_pod("x-driver")  # another attempt
    assert world.look(WINDING_DOWN + 1) == [], "the end of one attempt is no trouble of the next"


@pytest.mark.parametrize("state", ["SUCCEEDING", "FAILING", "SUSPENDING", "COMPLETED"])
def test_an_executor_that_ends_with_its_application_is_no_trouble(world: World, state: str) -> None:
    world.state, world.executors = state, [make_pod("x-exec-1", "Failed", TERM)]
    assert world.look() == world.look(WINDING_DOWN + 1) == []


def test_an_executor_of_a_driver_that_is_being_deleted_is_no_trouble(world: World) -> None:
    world.driver["metadata"]["deletionTimestamp"] = "2026-11-21T16:21:37Z"
    world.executors = [make_pod("x-exec-1", "Failed", TERM)]
    assert world.look() == world.look(WINDING_DOWN + 1) == []


@pytest.mark.parametrize("lingers", [True, False])
def test_an_executor_that_its_driver_outlives_is_told_once(world: World, lingers: bool) -> None:
    world.executors = [make_pod("x-exec-1", "Failed", TERM), make_pod("x-exec-2")]
    world.look()
    if not lingers:
        world.executors = [make_pod("x-exec-2")]
    assert world.look(WINDING_DOWN - 1) == []
    assert world.look() == [TOLD]
    world.seeker.note("something else")
    assert world.look(WINDING_DOWN + 1) == [TOLD, "something else"]


@pytest.mark.parametrize(
    ("ended", "status", "said"),
    [
        ({"exitCode": 137, "reason": "OOMKilled"}, {}, "container executor ran out of memory (limit 1Gi)"),
        (None, {"reason": "Evicted", "message": "low on disk"}, "the node evicted it: low on disk"),
        (
            TERM,
            {"conditions": [{"type": "DisruptionTarget", "status": "True", "message": "preempting"}]},
            "the cluster takes it away: preempting",
        ),
    ],
    ids=["killed for memory", "evicted", "preempted"],
)
def test_what_the_cluster_did_to_an_executor_is_told_at_once(world: World, ended: Object | None, status: Object, said: str) -> None:
    world.executors = [make_pod("x-exec-1", "Failed", ended, **status)]
    assert world.look() == [f"executor x-exec-1: {said}"]


def test_a_driver_whose_image_comes_slowly_is_not_hopeless_for_what_was_before(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def make_event(kind: str, reason: str) -> Object:
        return {"type": kind, "reason": reason, "message": "m", "lastTimestamp": datetime.now(UTC).isoformat()}

    events = [make_event("Warning", "FailedMount")]
    monkeypatch.setattr(trouble, "list_pod_events", lambda kube, pod: events)
    app, driver = {"metadata": {"name": "x"}}, {"metadata": {"name": "x-driver"}, "spec": {}, "status": {"phase": "Pending"}}
    world.seeker.look(app, driver)
    world.now += 30
    assert (world.seeker.look(app, driver) or [None, 0])[1] == 30, "as long as nothing has answered it"
    events.append(make_event("Normal", "Pulling"))
    world.now += 300
    assert world.seeker.look(app, driver) is None
