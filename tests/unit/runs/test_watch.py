"""A look tells what is new, and the wait ends for the right reason."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.runs.fake_cluster import FakeCluster, run_cluster

from sparkyard.kube import Kube
from sparkyard.runs.watch import FASTEST, SLOWEST, Watch

NAME = "hello-hello-1"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[FakeCluster, Watch]]:
    with run_cluster(tmp_path) as (cluster, kubeconfig):
        cluster._create({"metadata": {"name": NAME, "namespace": "spark-jobs"}, "spec": {}})
        uid = cluster.apps[NAME]["metadata"]["uid"]
        yield cluster, Watch(Kube(kubeconfig), "spark-jobs", NAME, uid, stuck_after=0, patience=60)


def test_each_state_and_each_line_is_told_once(world: tuple[FakeCluster, Watch]) -> None:
    cluster, watch = world
    cluster.become(NAME, "RUNNING")
    cluster.run_driver(NAME)
    cluster.log = ["2026-11-21T16:21:42.1Z STEP session"]
    assert watch.look() == [f"application spark-jobs/{NAME}: RUNNING", "STEP session"]
    assert watch.look() == []
    cluster.log += ["2026-11-21T16:21:42.9Z STEP compute", "2026-11-21T16:21:43.1Z done"]
    assert watch.look() == ["STEP compute", "done"]
    cluster.end(NAME)
    assert watch.look() == [f"application spark-jobs/{NAME}: COMPLETED"]
    assert (watch.over, watch.trouble) == (True, "")


@pytest.mark.parametrize("state", ["SUBMITTED", "SUBMISSION_FAILED", "FAILING", "PENDING_RERUN", "UNKNOWN", "SUSPENDING"])
def test_what_is_no_end_is_waited_for(world: tuple[FakeCluster, Watch], state: str) -> None:
    cluster, watch = world
    cluster.become(NAME, state)
    watch.look()
    assert not watch.over


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED", "SUSPENDED"])
def test_an_end_is_seen(world: tuple[FakeCluster, Watch], state: str) -> None:
    cluster, watch = world
    cluster.become(NAME, state)
    watch.look()
    assert (watch.over, watch.trouble) == (True, "")


def test_a_cluster_that_is_away_is_waited_for_and_said_once(world: tuple[FakeCluster, Watch]) -> None:
    cluster, watch = world
    cluster.refusals = [(503, "starting")] * 2
    assert [len(watch.look()), len(watch.look()), watch.over] == [1, 0, False]
    assert watch.look(), "and then it goes on"
    cluster.refusals = [(503, "starting")]
    watch.patience, watch.answered = 1, watch.answered - 2
    watch.look()
    assert (watch.over, watch.trouble) == (True, "no answer for 0 min: starting")


def test_a_deleted_application_ends_the_wait_also_when_another_has_its_name(world: tuple[FakeCluster, Watch]) -> None:
    cluster, watch = world
    cluster.apps[NAME]["metadata"]["uid"] = "another"
    watch.look()
    assert (watch.over, watch.trouble) == (True, "somebody deleted the application while it ran")


def test_a_driver_that_cannot_start_ends_the_wait(world: tuple[FakeCluster, Watch]) -> None:
    cluster, watch = world
    cluster.run_driver(NAME)
    waiting = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}
    cluster.pods[f"{NAME}-driver"]["status"] = {
        "phase": "Pending",
        "containerStatuses": [{"name": "spark-kubernetes-driver", "image": "spark:1", "state": waiting}],
    }
    lines = [line for _ in range(2) for line in watch.look()]
    assert "! driver hello-hello-1-driver: the image spark:1 cannot be pulled: no such image" in lines
    assert (watch.over, watch.trouble) == (True, "the driver cannot start: the image spark:1 cannot be pulled: no such image")


def test_a_short_job_is_looked_at_often_a_long_one_seldom_and_news_speed_it_up(world: tuple[FakeCluster, Watch]) -> None:
    cluster, watch = world
    watch.look()
    pauses = []
    for waited in (0, 50, 3600):
        watch.begin = time.monotonic() - waited
        watch.look()
        pauses.append(watch.pause)
    assert pauses == [FASTEST, pytest.approx(5, abs=1), SLOWEST]
    cluster.become(NAME, "RUNNING")
    watch.look()
    assert watch.pause == FASTEST
