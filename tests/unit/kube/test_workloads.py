"""Ready means the newest revision, all of it."""

from typing import Any

import pytest

from sparkyard.kube.workloads import Workload, explain_workload, make_workload


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


class Cluster:
    """One pod of a workload, and its events."""

    def __init__(self, phase: str, *reasons: str) -> None:
        status = {"phase": phase, "containerStatuses": [{"name": "c", "image": "i", "ready": False, "state": {"waiting": {}}}]}
        self.pod = {"metadata": {"name": "x-1", "creationTimestamp": "2026-11-21T16:21:37Z"}, "status": status, "spec": {}}
        self.events = [{"type": "Normal", "reason": reason, "message": "m"} for reason in reasons]

    def list(self, path: str, **query: str) -> list[dict[str, Any]]:
        return [self.pod] if path.endswith("/pods") else self.events if "x-1" in query.get("fieldSelector", "") else []


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        (Cluster("Pending", "Scheduled", "Pulling"), "pod x-1 waits for an image, which is being pulled"),
        (Cluster("Pending", "Scheduled"), "still starting; nothing is wrong so far"),
        (Cluster("Running", "Pulled", "Started"), "pod x-1 runs and is not ready"),
    ],
)
def test_what_a_workload_waits_for_is_told(cluster: Any, words: str) -> None:
    assert explain_workload(cluster, Workload("DaemonSet", "n", "x", False, "0/1", {"app": "x"})) == words
