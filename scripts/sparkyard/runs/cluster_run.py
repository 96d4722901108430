"""A manifest run on the cluster: submit it, follow it, and leave the same record as a run on this machine."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sparkyard.errors import Cancelled, ClusterError, SubmissionRejected, UsageError, YardError
from sparkyard.kube import ApiError, Kube
from sparkyard.kube.applications import applications_path, delete_application, get_application
from sparkyard.kube.explain import (
    FINAL_STATES,
    STOPPED_STATES,
    application_state,
    explain_failure,
    refusal_words,
    terminated_state,
)
from sparkyard.local.home import ensure_home
from sparkyard.local.store import make_run_id, run_dir, save_record
from sparkyard.manifest import load_manifest, override_arguments
from sparkyard.names import JOBS_NAMESPACE, RUN_ID_LABEL
from sparkyard.runs.follow import Follower, Listener, Outcome
from sparkyard.summary import RunRecord, add_result, cause_to_dict, parse_result, parse_summary

Object = dict[str, Any]


@dataclass(frozen=True)
class ClusterRequest:
    manifest: Path
    home: Path
    arguments: Sequence[str] = ()
    name: str = ""
    namespace: str = ""
    follow_running: bool = False  # a scheduler tries again, and its first try may be at work still


def make_application(document: Object, run_id: str, name: str = "", namespace: str = "") -> Object:
    """The manifest as it is sent: named, and labelled with its run id, which the platform hands on to the driver."""
    app = copy.deepcopy(document)
    meta = app["metadata"]
    meta["name"] = name or meta["name"]
    meta["namespace"] = namespace or meta.get("namespace") or JOBS_NAMESPACE
    meta["labels"] = {**meta.get("labels", {}), RUN_ID_LABEL: run_id}
    return app


def submit(kube: Kube, request: ClusterRequest) -> tuple[Object, RunRecord]:
    manifest = override_arguments(load_manifest(request.manifest), request.arguments)
    run_id = make_run_id(request.name or manifest.name)
    app = make_application(manifest.document, run_id, request.name, request.namespace)
    namespace, name = app["metadata"]["namespace"], app["metadata"]["name"]
    if request.follow_running and (running := find_running(kube, namespace, name)):
        return running, make_record(kube, running, str(request.manifest))
    clear_name(kube, namespace, name)
    created = create_application(kube, app)
    return created, make_record(kube, created, str(request.manifest))


def make_record(kube: Kube, app: Object, manifest: str = "") -> RunRecord:
    """Of an application on the cluster, whoever submitted it."""
    meta = app["metadata"]
    run_id = meta.get("labels", {}).get(RUN_ID_LABEL) or make_run_id(meta["name"], _time(meta["creationTimestamp"]))
    record = RunRecord(run_id, manifest, meta["name"], f"{kube.host} namespace {meta['namespace']}")
    record.started = str(meta["creationTimestamp"])
    record.links["log"] = f"sparkyard logs {meta['name']} -n {meta['namespace']}"
    return record


def find_running(kube: Kube, namespace: str, name: str) -> Object | None:
    app = kube.find(f"{applications_path(namespace)}/{name}")
    over = app and (app["spec"].get("suspend") or application_state(app) in (*FINAL_STATES, *STOPPED_STATES))
    return None if over else app


def clear_name(kube: Kube, namespace: str, name: str) -> None:
    """A finished application makes room for the next of its name; a running one does not."""
    app = kube.find(f"{applications_path(namespace)}/{name}")
    if app is None:
        return
    state = application_state(app)
    if state not in (*FINAL_STATES, "SUSPENDED"):
        raise UsageError(
            f"is already there and {state}",
            where=f"{namespace}/{name}",
            next_command=f"sparkyard logs {name} -n {namespace} -f, sparkyard cancel {name} -n {namespace}, or submit with another --name",
        )
    delete_application(kube, namespace, name)


def create_application(kube: Kube, app: Object) -> Object:
    namespace, name = app["metadata"]["namespace"], app["metadata"]["name"]
    try:
        return kube.create(applications_path(namespace), app)
    except ApiError as error:
        if error.status == 404:
            message = f"the cluster knows no SparkApplications, or no namespace {namespace}: {error.what}"
            raise ClusterError(message, where=kube.host, next_command="make deploy") from None
        if error.status in (400, 403, 422):
            raise SubmissionRejected(
                refusal_words(error.what), where=f"{namespace}/{name}", next_command="sparkyard check MANIFEST"
            ) from None
        raise


def wait_for_run(
    kube: Kube, app: Object, record: RunRecord, home: Path, listener: Listener, *, timeout: float | None, stuck_after: float
) -> RunRecord:
    """Follow to the end and keep the record; what cannot start is cancelled, so that nothing runs after it was called failed."""
    home = ensure_home(home)
    save_record(home, record)
    outcome = Follower(kube, app, listener).run(timeout=timeout, stuck_after=stuck_after)
    if outcome.error and application_state(outcome.app) not in FINAL_STATES:
        cancel_if_there(kube, app)
    conclude(record, outcome)
    log = run_dir(home, record.run_id) / "driver.log"
    log.write_text("\n".join(outcome.log_tail) + "\n")
    save_record(home, record)
    return record


def conclude(record: RunRecord, outcome: Outcome) -> RunRecord:
    """What became of it. The termination message outlives the log; a log's RESULT serves where there is none."""
    app, ended = outcome.app, terminated_state(outcome.driver) or {}
    result = parse_summary(str(ended.get("message", ""))) or parse_result(outcome.log_tail)
    add_result(record, result)
    record.finished = str(app.get("status", {}).get("terminationTime") or ended.get("finishedAt") or datetime.now(UTC).isoformat())
    record.times |= make_times(app, ended)
    error = outcome.error or _failure(app, outcome.driver, result)
    record.state = "cancelled" if isinstance(error, Cancelled) else "failed" if error else "succeeded"
    if error:
        error.next_command = error.next_command or record.links.get("log", "")
        record.cause = cause_to_dict(error)
    return record


def _failure(app: Object, driver: Object | None, result: Object | None) -> YardError | None:
    state = application_state(app)
    if state in STOPPED_STATES:
        return Cancelled("the application was cancelled")
    if state == "COMPLETED" and (result or {}).get("status") != "failed":
        return None
    return explain_failure(app, driver, result)


def make_times(app: Object, ended: Object) -> dict[str, float]:
    """Seconds from the application's creation, and of its driver."""
    created, finished = app["metadata"]["creationTimestamp"], app.get("status", {}).get("terminationTime")
    begun, stopped = ended.get("startedAt"), ended.get("finishedAt")
    spans = {"queued": (created, begun), "driver": (begun, stopped), "total": (created, finished or stopped)}
    return {name: (_time(end) - _time(start)).total_seconds() for name, (start, end) in spans.items() if start and end}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def cancel_application(kube: Kube, namespace: str, name: str) -> str:
    """Stop it and keep the object to look at; the state it was in."""
    state = application_state(get_application(kube, namespace, name))
    if state not in (*FINAL_STATES, *STOPPED_STATES):
        kube.patch(f"{applications_path(namespace)}/{name}", {"spec": {"suspend": True}})
    return state


def cancel_if_there(kube: Kube, app: Object) -> None:
    path = f"{applications_path(app['metadata']['namespace'])}/{app['metadata']['name']}"
    if kube.find(path):
        kube.patch(path, {"spec": {"suspend": True}})
