"""From what the cluster shows to the record: a failure is never called a success, and a lost log loses nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
from unit.runs.fake_cluster import run_cluster

from sparkyard.errors import ClusterError, UsageError
from sparkyard.kube import Kube
from sparkyard.project import ROOT
from sparkyard.runs.cluster_run import ClusterRequest, conclude, make_application, submit
from sparkyard.runs.follow import Outcome
from sparkyard.summary import RunRecord

RESULT = {
    "job": "x",
    "run_id": "r",
    "status": "ok",
    "rows": {"read": 5, "rejected": 1, "written": 4},
    "tables": ["yard.refined.x"],
    "phases": {"load": 1.5},
}


def make_app(state: str, message: str = "") -> dict[str, Any]:
    status = {"applicationState": {"state": state, "errorMessage": message}, "terminationTime": "2026-01-01T00:00:30Z"}
    return {"metadata": {"name": "x", "namespace": "jobs", "creationTimestamp": "2026-01-01T00:00:00Z"}, "status": status}


def make_driver(code: int, message: str, reason: str = "") -> dict[str, Any]:
    end = {
        "exitCode": code,
        "message": message,
        "reason": reason,
        "startedAt": "2026-01-01T00:00:05Z",
        "finishedAt": "2026-01-01T00:00:25Z",
    }
    container = {"name": "spark-kubernetes-driver", "resources": {"limits": {"memory": "1Gi"}}}
    status = {"phase": "Succeeded", "containerStatuses": [{"name": container["name"], "image": "i", "state": {"terminated": end}}]}
    return {"metadata": {"name": "x-driver"}, "spec": {"containers": [container]}, "status": status}


def end(outcome: Outcome) -> RunRecord:
    return conclude(RunRecord("r", "m.yaml", "x", "cluster", links={"log": "sparkyard logs x"}), outcome)


def test_the_termination_message_is_the_result_without_any_log() -> None:
    record = end(Outcome(make_app("COMPLETED"), make_driver(0, json.dumps(RESULT))))
    assert (record.state, record.cause, record.tables) == ("succeeded", None, ["yard.refined.x"])
    assert record.rows == {"read": 5, "rejected": 1, "written": 4}
    assert record.times == {"load": 1.5, "queued": 5.0, "driver": 20.0, "total": 30.0}


def test_the_log_serves_where_the_driver_is_gone() -> None:
    record = end(Outcome(make_app("COMPLETED"), None, ["noise", f"RESULT {json.dumps(RESULT)}"]))
    assert record.summary == RESULT


def test_a_plain_script_without_a_result_still_succeeds() -> None:
    record = end(Outcome(make_app("COMPLETED"), make_driver(0, "")))
    assert (record.state, record.summary) == ("succeeded", None)


def test_completed_with_a_result_that_says_failed_has_failed() -> None:
    failed = RESULT | {"status": "failed", "error": {"type": "JobError", "message": "check failed: sums"}}
    record = end(Outcome(make_app("COMPLETED"), make_driver(0, json.dumps(failed))))
    assert record.state == "failed"
    assert record.cause
    assert "check failed: sums" in record.cause["message"]


@pytest.mark.parametrize("state", ["FAILED", "SUBMISSION_FAILED", "UNKNOWN", "RUNNING", ""])
def test_nothing_but_completed_is_a_success(state: str) -> None:
    record = end(Outcome(make_app(state, "went wrong"), None))
    assert record.state == "failed"
    assert record.cause
    assert record.cause["next"] == "sparkyard logs x"


def test_a_cancelled_application_is_neither() -> None:
    record = end(Outcome(make_app("SUSPENDED"), None))
    assert record.state == "cancelled"
    assert record.cause
    assert record.cause["exit_code"] == 11


def test_what_ended_the_wait_wins_over_what_the_operator_says() -> None:
    record = end(Outcome(make_app("SUBMITTED"), None, error=ClusterError("the driver cannot start: no image")))
    assert record.cause
    assert record.cause["message"] == "the driver cannot start: no image"


def test_an_application_carries_its_run() -> None:
    document = {"metadata": {"name": "a"}, "spec": {"driver": {"cores": 1}}}
    app = make_application(document, "run-1", name="b")
    assert app["metadata"] == {"name": "b", "namespace": "spark-jobs", "labels": {"sparkyard.dev/run-id": "run-1"}}
    assert app["spec"] == document["spec"], "an env of its own would need the operator's pod webhook"
    assert document["metadata"] == {"name": "a"}, "the manifest itself stays as it was"


def test_a_second_try_follows_what_runs_and_replaces_what_is_over(tmp_path: Path) -> None:
    hello = ROOT / "manifests" / "jobs" / "hello-hello.yaml"
    with run_cluster(tmp_path) as (cluster, kubeconfig):
        kube, again = Kube(kubeconfig), ClusterRequest(hello, tmp_path, follow_running=True)
        first, record = submit(kube, again)
        cluster.become("hello-hello", "RUNNING")
        with pytest.raises(UsageError, match="already there and RUNNING"):
            submit(kube, ClusterRequest(hello, tmp_path))
        second, found = submit(kube, again)
        assert (second["metadata"]["uid"], found.run_id) == (first["metadata"]["uid"], record.run_id)
        cluster.end("hello-hello")
        assert submit(kube, again)[0]["metadata"]["uid"] != first["metadata"]["uid"]
