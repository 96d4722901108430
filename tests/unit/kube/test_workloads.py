"""Ready means the newest revision, all of it."""

from typing import Any

import pytest

from sparkyard.kube.workloads import make_workload


def make(kind: str, spec: dict[str, Any], status: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": "x", "namespace": "n", "generation": 2}, "spec": spec, "status": status}


UP = {"observedGeneration": 2, "updatedReplicas": 2, "replicas": 2, "readyReplicas": 2}


@pytest.mark.parametrize(
    ("change", "ready"),
    [
        ({}, True),
        ({"observedGeneration": 1}, False),
        ({"updatedReplicas": 1}, False),
        ({"replicas": 3}, False),
        ({"readyReplicas": 1}, False),
    ],
)
def test_a_deployment_is_ready_when_its_newest_revision_is(change: dict[str, int], ready: bool) -> None:
    assert make_workload("Deployment", make("Deployment", {"replicas": 2}, UP | change)).ready is ready


def test_a_job_is_ready_when_it_has_succeeded() -> None:
    assert not make_workload("Job", make("Job", {}, {"active": 1})).ready
    assert make_workload("Job", make("Job", {}, {"succeeded": 1})).ready


def test_a_daemon_set_is_ready_on_every_node() -> None:
    status = {"observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberReady": 1}
    assert make_workload("DaemonSet", make("DaemonSet", {}, status)).progress == "1/2"
    assert make_workload("DaemonSet", make("DaemonSet", {}, status | {"numberReady": 2})).ready
