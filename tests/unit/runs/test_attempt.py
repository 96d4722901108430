"""An attempt submits once, whatever dies in between, and tells the end as it was."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from unit.runs.fake_cluster import FakeCluster, run_cluster

from sparkyard.check.identity import LONGEST_NAME
from sparkyard.errors import Cancelled, ClusterError, InputError, JobFailed, SubmissionRejected, UsageError
from sparkyard.kube import ApiError, Kube
from sparkyard.runs import attempt
from sparkyard.runs.attempt import cancel_attempt, conclude_attempt, ensure_application, is_hopeless, make_name, patiently
from sparkyard.summary import RunRecord

NAME = "hello-hello-1"
WHERE = ("spark-jobs", NAME)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[FakeCluster, Kube]]:
    with run_cluster(tmp_path) as (cluster, kubeconfig):
        yield cluster, Kube(kubeconfig)


def make_app() -> dict[str, Any]:
    return {"metadata": {"name": NAME, "namespace": "spark-jobs", "labels": {"sparkyard.dev/run-id": NAME}}, "spec": {}}


def conclude(kube: Kube, trouble: str = "", number: int = 1) -> RunRecord:
    return conclude_attempt(kube, *WHERE, number, trouble, "http://history")


def test_a_name_is_a_function_of_what_it_runs_for_and_fits() -> None:
    assert make_name("a-b", "dag", "task", "run", "-1") == make_name("a-b", "dag", "task", "run", "-1")
    others = [("dag", "task", "run"), ("dag", "task", "run2"), ("dagt", "ask", "run"), ("dag", "task", "run", "0")]
    names = {make_name("a-b", *what) for what in others}
    assert len(names) == 4
    assert len(make_name("x" * 90, "y")) == LONGEST_NAME
    assert "--" not in make_name("x" * (LONGEST_NAME - 12) + "-yz", "y")


def test_whoever_asks_again_while_it_works_follows_it(world: tuple[FakeCluster, Kube]) -> None:
    cluster, kube = world
    app, made = ensure_application(kube, make_app(), 1)
    cluster.become(NAME, "RUNNING")
    again, made_again = ensure_application(kube, make_app(), 2)
    assert (made, made_again, again["metadata"]["uid"]) == (True, False, app["metadata"]["uid"])
    assert cluster.created == [NAME]


@pytest.mark.parametrize("state", ["SUBMITTED", "SUBMISSION_FAILED", "FAILING", "PENDING_RERUN", "UNKNOWN", "COMPLETED", "FAILED"])
def test_an_end_that_nobody_heard_is_not_run_again(world: tuple[FakeCluster, Kube], state: str) -> None:
    cluster, kube = world
    ensure_application(kube, make_app(), 1)
    cluster.become(NAME, state)
    assert ensure_application(kube, make_app(), 2)[1] is False
    assert cluster.created == [NAME]


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED"])
def test_after_an_end_that_was_told_another_attempt_is_another_run(world: tuple[FakeCluster, Kube], state: str) -> None:
    cluster, kube = world
    ensure_application(kube, make_app(), 1)
    cluster.end(NAME, state, code=int(state == "FAILED"))
    conclude(kube)
    assert ensure_application(kube, make_app(), 2)[1] is True
    assert cluster.created == [NAME, NAME]


def test_a_stopped_one_makes_room(world: tuple[FakeCluster, Kube]) -> None:
    cluster, kube = world
    ensure_application(kube, make_app(), 1)
    assert cancel_attempt(kube, *WHERE, 1) is True
    assert ensure_application(kube, make_app(), 2)[1] is True
    assert "suspend" not in cluster.apps[NAME]["spec"]


def test_what_is_to_be_stopped_by_an_operator_that_is_down_makes_room_too(world: tuple[FakeCluster, Kube]) -> None:
    cluster, kube = world
    ensure_application(kube, make_app(), 1)
    cluster.apps[NAME]["spec"]["suspend"] = True
    assert ensure_application(kube, make_app(), 2)[1] is True


def test_an_answer_that_was_lost_submits_once(world: tuple[FakeCluster, Kube], monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, kube = world
    monkeypatch.setattr(attempt, "PAUSE", 0)
    cluster.lost_answers = 1
    assert patiently(lambda: ensure_application(kube, make_app(), 1))[1] is False
    assert cluster.created == [NAME]


def test_two_who_ask_at_once_get_the_same(world: tuple[FakeCluster, Kube], monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, kube = world
    find, blind = kube.find, iter([None])
    monkeypatch.setattr(kube, "find", lambda path, **query: next(blind, None) or find(path, **query))
    ensure_application(kube, make_app(), 1)
    monkeypatch.setattr(kube, "find", lambda path, **query: None)
    assert ensure_application(kube, make_app(), 1)[1] is False
    assert cluster.created == [NAME]


def test_what_a_later_attempt_took_over_is_not_stopped_by_an_earlier_one(world: tuple[FakeCluster, Kube]) -> None:
    cluster, kube = world
    ensure_application(kube, make_app(), 1)
    cluster.become(NAME, "RUNNING")
    ensure_application(kube, make_app(), 2)
    assert cancel_attempt(kube, *WHERE, 1) is False
    assert cluster.apps[NAME]["status"]["applicationState"]["state"] == "RUNNING"
    assert cancel_attempt(kube, *WHERE, 2) is True
    assert cancel_attempt(kube, "spark-jobs", "nothing", 2) is False


def test_a_success_is_told_with_its_facts(world: tuple[FakeCluster, Kube]) -> None:
    cluster, kube = world
    ensure_application(kube, make_app(), 1)
    cluster.end(NAME)
    record = conclude(kube)
    assert (record.state, record.tables, record.rows["written"]) == ("succeeded", ["yard.refined.x"], 4)
    assert record.links["history"] == "http://history/history/spark-8eb1d909e0944f9d9029676b2442d84b/"
    assert cluster.apps[NAME]["metadata"]["annotations"]["sparkyard.dev/told"] == "1"
    assert "rows: 5 read, 1 rejected, 4 written" in attempt.format_record(record)


@pytest.mark.parametrize("state", ["FAILED", "SUBMISSION_FAILED", "FAILING", "PENDING_RERUN", "UNKNOWN", "RUNNING", "SUSPENDED", ""])
def test_nothing_but_completed_is_a_success(world: tuple[FakeCluster, Kube], state: str) -> None:
    cluster, kube = world
    ensure_application(kube, make_app(), 1)
    cluster.run_driver(NAME, 0)
    cluster.become(NAME, state)
    assert conclude(kube).state == ("cancelled" if state == "SUSPENDED" else "failed")


def test_what_cannot_start_is_stopped_and_says_why(world: tuple[FakeCluster, Kube]) -> None:
    cluster, kube = world
    ensure_application(kube, make_app(), 1)
    record = conclude(kube, "the driver cannot start: no image")
    assert record.cause
    assert (record.state, record.cause["message"]) == ("failed", "the driver cannot start: no image")
    assert cluster.apps[NAME]["spec"]["suspend"] is True


def test_a_deleted_application_is_a_failure(world: tuple[FakeCluster, Kube]) -> None:
    with pytest.raises(JobFailed, match="somebody deleted"):
        conclude(world[1], "somebody deleted the application while it ran")


def test_patience_outlives_a_restart_but_no_refusal(world: tuple[FakeCluster, Kube], monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, kube = world
    monkeypatch.setattr(attempt, "PAUSE", 0)
    cluster.refusals = [(503, "starting"), (500, "failed calling webhook"), (429, "slow down")]
    assert patiently(lambda: ensure_application(kube, make_app(), 1))[1] is True
    cluster.refusals = [(403, "may not look")]
    with pytest.raises(ApiError, match="may not look"):
        patiently(lambda: ensure_application(kube, make_app(), 1))
    cluster.refusals = [(503, "gone")] * 5
    with pytest.raises(ClusterError, match="gone"):
        patiently(lambda: ensure_application(kube, make_app(), 1), patience=0)


@pytest.mark.parametrize("error", [UsageError("no such option"), SubmissionRejected("spec.image: not allowed"), Cancelled("stopped")])
def test_what_would_happen_again_is_hopeless(error: Any) -> None:
    assert is_hopeless(error)


@pytest.mark.parametrize(
    "error", [SubmissionRejected("exceeded quota: jobs"), ClusterError("no answer"), InputError("no files"), JobFailed("ended with 1")]
)
def test_what_may_pass_is_tried_again(error: Any) -> None:
    assert not is_hopeless(error)
