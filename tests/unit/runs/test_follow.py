"""Following is told in order, and ends for the right reason."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sparkyard.errors import TimedOut
from sparkyard.runs import follow, trouble
from sparkyard.runs.follow import Follower


class Ear:
    wants_progress = False

    def __init__(self) -> None:
        self.heard: list[str] = []

    def state(self, state: str) -> None:
        self.heard.append(state)

    def log(self, line: str) -> None:
        self.heard.append(f"log {line}")

    def progress(self, done: int, total: int) -> None:
        self.heard.append(f"{done}/{total}")

    def note(self, text: str) -> None:
        self.heard.append(f"! {text}")


def make_app(state: str = "") -> dict[str, Any]:
    return {"metadata": {"name": "x", "namespace": "jobs"}, "status": {"applicationState": {"state": state}}}


PULL = {"waiting": {"reason": "ErrImagePull", "message": "no"}}
STUCK = {
    "metadata": {"name": "x-driver", "uid": "1", "namespace": "jobs"},
    "spec": {"containers": [{"name": "d"}]},
    "status": {"phase": "Pending", "containerStatuses": [{"name": "d", "image": "i", "state": PULL}]},
}


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(follow, "get_driver", lambda kube, app: None)
    monkeypatch.setattr(trouble, "list_pod_events", lambda kube, pod: [])
    monkeypatch.setattr(follow, "follow_driver_log", lambda kube, app, stop: iter(["hello"]))
    monkeypatch.setattr(follow, "TICK", 0.05)
    return monkeypatch


def watching(monkeypatch: pytest.MonkeyPatch, *states: str) -> None:
    monkeypatch.setattr(follow, "watch_object", lambda kube, path, name: (make_app(state) for state in states))


def run(ear: Ear, **options: Any) -> follow.Outcome:
    return Follower(None, make_app(), ear).run(**options)  # type: ignore[arg-type]


def test_each_state_is_told_once_and_the_log_to_its_end(quiet: pytest.MonkeyPatch) -> None:
    watching(quiet, "", "SUBMITTED", "SUBMITTED", "RUNNING", "SUCCEEDING", "COMPLETED")
    ear = Ear()
    outcome = run(ear)
    assert [word for word in ear.heard if not word.startswith("log")] == ["SUBMITTED", "RUNNING", "SUCCEEDING", "COMPLETED"]
    assert "log hello" in ear.heard
    assert outcome.error is None


def test_a_retry_is_no_end(quiet: pytest.MonkeyPatch) -> None:
    watching(quiet, "RUNNING", "FAILING", "PENDING_RERUN", "SUBMITTED", "RUNNING", "COMPLETED")
    assert run(Ear()).app["status"]["applicationState"]["state"] == "COMPLETED"


def test_a_driver_whose_image_never_comes_is_given_up_with_the_reason(quiet: pytest.MonkeyPatch) -> None:
    watching(quiet, "SUBMITTED")
    quiet.setattr(follow, "get_driver", lambda kube, app: STUCK)
    ear = Ear()
    outcome = run(ear, stuck_after=0.2)
    assert outcome.error is not None
    assert "the image i cannot be pulled" in outcome.error.what
    assert len([word for word in ear.heard if word.startswith("!")]) == 1, "told once, not at every look"


def test_a_timeout_says_what_was_in_the_way(quiet: pytest.MonkeyPatch) -> None:
    watching(quiet, "SUBMITTED")
    quiet.setattr(follow, "get_driver", lambda kube, app: STUCK)
    with pytest.raises(TimedOut, match=r"still SUBMITTED.*cannot be pulled"):
        run(Ear(), timeout=0.3)


def test_a_chatty_log_hides_no_trouble(quiet: pytest.MonkeyPatch) -> None:
    watching(quiet, "SUBMITTED")
    quiet.setattr(follow, "get_driver", lambda kube, app: STUCK)
    quiet.setattr(follow, "follow_driver_log", lambda kube, app, stop: chatter(stop))
    outcome = run(Ear(), stuck_after=0.2)
    assert outcome.error is not None


def chatter(stop: threading.Event) -> Iterator[str]:
    while not stop.wait(0.01):
        yield "line"
