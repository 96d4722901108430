"""Every way an application or a pod can fail has its own words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sparkyard.errors import ClusterError, InputError, JobFailed, OutOfMemory, SubmissionRejected
from sparkyard.kube.explain import (
    STALE,
    application_state,
    explain_failure,
    explain_pod,
    explain_submission,
    hint_from_log,
    last_seen,
    refusal_words,
)

QUOTA = (
    "failed to submit spark application: failed to run spark-submit: driver pod creation failed: "
    'Exception in thread "main" io.fabric8.kubernetes.client.KubernetesClientException: Failure executing: POST at: '
    'https://10.90.0.1:443/api/v1/namespaces/spark-jobs/pods. Message: pods "x-driver" is forbidden: exceeded quota: jobs, '
    "requested: requests.cpu=64, used: requests.cpu=0, limited: requests.cpu=4. Received status: Status(apiVersion=v1, code=403)\n"
    "\tat io.fabric8.kubernetes.client.dsl.internal.OperationSupport.requestFailure(OperationSupport.java:660)"
)
POLICY = (
    "failed to submit spark application: … Message: pods \"x-driver\" is forbidden: ValidatingAdmissionPolicy 'sparkyard-job-pods' with "
    "binding 'sparkyard-job-pods' denied request: spec.containers[0].image: expected one of localhost:5000/sparkyard/spark, found evil:1. "
    "Received status: Status(apiVersion=v1)"
)

PREEMPTED = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "PreemptionByScheduler",
    "message": "default-scheduler: preempting to accommodate a higher priority pod",
}


def make_app(state: str = "FAILED", message: str = "") -> dict[str, Any]:
    return {"metadata": {"name": "x", "namespace": "jobs"}, "status": {"applicationState": {"state": state, "errorMessage": message}}}


def make_pod(phase: str = "Pending", limit: str = "1Gi", **status: Any) -> dict[str, Any]:
    container = {"name": "spark-kubernetes-driver", "resources": {"limits": {"memory": limit}}}
    return {"metadata": {"name": "x-driver"}, "spec": {"containers": [container]}, "status": {"phase": phase, **status}}


def ended(code: int, reason: str = "Error", message: str = "") -> dict[str, Any]:
    state = {"terminated": {"exitCode": code, "reason": reason, "message": message}}
    return make_pod("Failed", containerStatuses=[{"name": "spark-kubernetes-driver", "image": "spark:1", "state": state}])


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return make_pod(containerStatuses=[{"name": "spark-kubernetes-driver", "image": "spark:1", "state": state}])


@pytest.mark.parametrize(
    ("pod", "kind", "words"),
    [
        (waiting("ImagePullBackOff", "no such manifest"), "image-pull", "spark:1 cannot be pulled: no such manifest"),
        (waiting("CreateContainerConfigError", 'secret "s3" not found'), "config", 'secret "s3" not found'),
        (ended(137, "OOMKilled"), "out-of-memory", "limit 1Gi"),
        (ended(3, message="what\nlast words"), "ended", "exit code 3: last words"),
        (make_pod("Failed", reason="Evicted", message="low on disk"), "evicted", "low on disk"),
        (
            make_pod(conditions=[{"type": "PodScheduled", "status": "False", "message": "0/1 nodes: Insufficient cpu"}]),
            "unschedulable",
            "Insufficient cpu",
        ),
        (
            ended(143) | {"status": ended(143)["status"] | {"conditions": [PREEMPTED]}},
            "evicted",
            "takes it away: default-scheduler: preempting to accommodate",
        ),
    ],
)
def test_a_pod_says_what_ails_it(pod: dict[str, Any], kind: str, words: str) -> None:
    trouble = explain_pod(pod)
    assert trouble is not None
    assert trouble.kind == kind
    assert words in trouble.message


def test_a_crash_loop_is_explained_by_its_last_life() -> None:
    status = {
        "name": "web",
        "image": "i",
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": 1, "message": "no key"}},
    }
    trouble = explain_pod(make_pod("Running", containerStatuses=[status]))
    assert trouble is not None
    assert trouble.message == "container web ended with exit code 1: no key"


def test_a_pod_that_waits_for_a_mount_is_explained_by_its_events() -> None:
    trouble = explain_pod(make_pod(), [{"type": "Warning", "reason": "FailedMount", "message": 'secret "x" not found'}])
    assert trouble is not None
    assert "FailedMount" in trouble.message


NOW = datetime(2026, 11, 21, 16, 30, tzinfo=UTC)
SCHEDULED = [{"type": "PodScheduled", "status": "True"}]


def event(age: float, reason: str, kind: str = "Warning") -> dict[str, Any]:
    return {"type": kind, "reason": reason, "message": "m", "lastTimestamp": f"{NOW - timedelta(seconds=age):%Y-%m-%dT%H:%M:%SZ}"}


def ails(pod: dict[str, Any], *events: dict[str, Any]) -> str:
    trouble = explain_pod(pod, list(events), NOW.timestamp())
    return f"{trouble.kind}: {trouble.message}" if trouble else ""


def test_the_newest_warning_is_told_whatever_order_they_come_in() -> None:
    assert ails(make_pod(), event(3, "FailedMount"), event(60, "FailedAttachVolume")) == "config: FailedMount: m"
    assert ails(make_pod(), event(60, "FailedAttachVolume"), event(3, "FailedMount")) == "config: FailedMount: m"


def test_a_pod_whose_image_is_on_its_way_is_in_no_trouble() -> None:
    early, pulling = event(100, "FailedMount"), event(90, "Pulling", "Normal")
    assert ails(make_pod(conditions=SCHEDULED), pulling, early) == ""
    assert ails(make_pod(), early, pulling, event(1, "Failed")) == "config: Failed: m"
    failed = waiting("ImagePullBackOff", "timeout")
    assert ails(failed, event(140, "Pulling", "Normal"), event(100, "Failed")).startswith("image-pull")
    assert ails(failed, event(100, "Failed"), pulling) == "", "the status tells of the pull before this one"


def test_a_step_answers_the_warnings_before_it() -> None:
    assert ails(make_pod(), event(100, "FailedMount"), event(50, "Pulled", "Normal")) == ""
    assert ails(make_pod(), event(50, "Pulled", "Normal"), event(10, "Failed")) == "config: Failed: m"


def test_a_node_that_came_late_is_forgotten_once_it_has_come() -> None:
    assert ails(make_pod(), event(10, "FailedScheduling")) == "unschedulable: FailedScheduling: m", "which is not hopeless"
    assert ails(make_pod(conditions=SCHEDULED), event(10, "FailedScheduling")) == ""
    assert ails(make_pod(conditions=SCHEDULED), event(20, "FailedMount"), event(10, "FailedScheduling")) == "config: FailedMount: m"


def test_a_warning_that_is_no_longer_repeated_does_not_count() -> None:
    assert ails(make_pod(), event(STALE + 5, "FailedMount")) == ""
    assert ails(make_pod(), event(STALE - 5, "FailedMount")) == "config: FailedMount: m"


def test_an_event_is_as_old_as_its_last_repetition_whichever_api_wrote_it() -> None:
    series = {"eventTime": "2026-11-21T16:00:00.123456Z", "lastTimestamp": None, "series": {"lastObservedTime": "2026-11-21T16:29:59.5Z"}}
    assert NOW.timestamp() - last_seen(series) == 0.5
    assert NOW.timestamp() - last_seen(event(7, "x") | {"firstTimestamp": "2026-11-21T16:00:00Z"}) == 7
    assert last_seen({}) == 0


def test_nothing_ails_a_running_pod() -> None:
    running = {"name": "c", "image": "i", "state": {"running": {}}}
    assert (
        explain_pod(make_pod("Running", containerStatuses=[running]), [{"type": "Warning", "reason": "Unhealthy", "message": "not yet"}])
        is None
    )


@pytest.mark.parametrize(
    ("driver", "result", "kind", "words"),
    [
        (ended(1), {"error": {"type": "InputError", "message": "no files at s3a://raw/x"}}, InputError, "no files"),
        (ended(1), {"error": {"type": "ValueError", "message": "seven"}}, JobFailed, "ValueError: seven"),
        (ended(1, message="Traceback …\nZeroDivisionError: division by zero"), None, JobFailed, "ZeroDivisionError: division by zero"),
        (ended(137, "OOMKilled"), None, OutOfMemory, "1Gi"),
        (ended(0, "Completed"), {"status": "failed", "error": {"type": "JobError", "message": "check failed"}}, JobFailed, "check failed"),
        (waiting("ErrImagePull", "denied"), None, ClusterError, "cannot be pulled"),
    ],
)
def test_the_job_is_the_first_witness_and_its_pod_the_second(
    driver: dict[str, Any], result: dict[str, Any] | None, kind: type[Exception], words: str
) -> None:
    error = explain_failure(make_app(message="driver container failed with ExitCode: 1, Reason: Error"), driver, result)
    assert type(error) is kind
    assert words in error.what


def test_a_vanished_driver_is_no_riddle() -> None:
    assert "somebody deleted it" in explain_failure(make_app(message="driver pod not found"), None, None).what


def test_submission_failures_say_what_the_api_server_said() -> None:
    quota = explain_submission(QUOTA)
    assert isinstance(quota, SubmissionRejected)
    assert "exceeded quota: jobs, requested: requests.cpu=64" in quota.what
    assert "Received status" not in quota.what
    policy = explain_failure(make_app(message=POLICY), None, None)
    assert policy.what.startswith("spec.containers[0].image: expected one of")


def test_other_submission_failures_name_the_exception() -> None:
    error = explain_submission(
        'failed to submit spark application: Exception in thread "main" org.apache.spark.SparkException: bad master\n\tat x'
    )
    assert "org.apache.spark.SparkException: bad master" in error.what


def test_frames_of_the_api_server_are_taken_off() -> None:
    framed = 'admission webhook "defaults.sparkyard.dev" denied the request: spec.image: not allowed\nspec.driver: too big'
    assert refusal_words(framed) == "spec.image: not allowed\nspec.driver: too big"


def test_an_application_nobody_looked_at_is_new() -> None:
    assert application_state({"metadata": {}}) == "NEW"
    assert application_state(make_app("")) == "NEW"


def test_refused_executors_are_seen_in_the_log() -> None:
    line = 'WARN ExecutorPodsAllocator: … Message: pods "x-exec-1" is forbidden: exceeded quota: jobs. Received status: Status()'
    assert hint_from_log(line) == "executors are refused: exceeded quota: jobs"
    assert hint_from_log("INFO all is well") == ""
