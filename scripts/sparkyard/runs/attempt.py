"""A scheduler's attempt at a job: the application is found by its name or made once, and its end is told once.

Whoever asks again for the same task of the same run (a worker that died, a scheduler that restarted) gets the application that already
works for it. Only one whose end was told, or that was stopped, makes room for another: that is a retry or a person's wish.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from sparkyard.check.identity import LONGEST_NAME
from sparkyard.errors import Cancelled, ClusterError, JobFailed, ManifestError, SubmissionRejected, UsageError, YardError
from sparkyard.kube import ApiError, Kube
from sparkyard.kube.applications import applications_path, delete_application, get_driver
from sparkyard.kube.explain import FINAL_STATES, STOPPED_STATES, application_state
from sparkyard.kube.logs import read_driver_log
from sparkyard.runs.cluster_run import cancel_application, conclude, create_application, make_record
from sparkyard.runs.follow import Outcome
from sparkyard.summary import RunRecord

Object = dict[str, Any]
Result = TypeVar("Result")
ATTEMPT = "sparkyard.dev/attempt"  # whose it is at present
TOLD = "sparkyard.dev/told"  # the attempt that heard of its end
DIGEST = 10
PATIENCE, PAUSE = 120.0, 2.0  # seconds
HOPELESS = (UsageError, ManifestError, SubmissionRejected, Cancelled)


def make_name(job: str, *identity: str) -> str:
    """A pure function of the job and of what it runs for, so that it can be found again."""
    digest = hashlib.sha256("\0".join((job, *identity)).encode()).hexdigest()[:DIGEST]
    return f"{job[: LONGEST_NAME - DIGEST - 1].rstrip('-')}-{digest}"


def place_on(app: Object, labels: Mapping[str, str]) -> Object:
    """The application on nodes of these labels; one without a value is not asked for."""
    wanted = {key: value for key, value in labels.items() if value}
    for role in ("driver", "executor") if wanted else ():
        app["spec"][role]["nodeSelector"] = {**app["spec"][role].get("nodeSelector", {}), **wanted}
    return app


def ensure_application(kube: Kube, app: Object, attempt: int) -> tuple[Object, bool]:
    """The application that works for this attempt, and whether it was made just now."""
    namespace, name = app["metadata"]["namespace"], app["metadata"]["name"]
    found = kube.find(_path(namespace, name))
    if found and _is_over(found):
        delete_application(kube, namespace, name)
        found = None
    if found is None:
        app["metadata"].setdefault("annotations", {})[ATTEMPT] = str(attempt)
        try:
            return create_application(kube, app), True
        except ApiError as error:
            if error.status != 409:  # an answer that was lost: it is there
                raise
    return _annotate(kube, namespace, name, ATTEMPT, attempt), False


def _is_over(app: Object) -> bool:
    """Stopped counts as soon as it is asked for: an operator that is down writes no state."""
    stopped = app["spec"].get("suspend") or application_state(app) in STOPPED_STATES
    return bool(stopped or TOLD in app["metadata"].get("annotations", {}))


def _path(namespace: str, name: str) -> str:
    return f"{applications_path(namespace)}/{name}"


def _annotate(kube: Kube, namespace: str, name: str, key: str, attempt: int) -> Object:
    return kube.patch(_path(namespace, name), {"metadata": {"annotations": {key: str(attempt)}}})


def cancel_attempt(kube: Kube, namespace: str, name: str, attempt: int) -> bool:
    """Stop what works for this attempt; what a later one has taken over goes on."""
    app = kube.find(_path(namespace, name))
    if app is None or app["metadata"].get("annotations", {}).get(ATTEMPT) != str(attempt):
        return False
    return cancel_application(kube, namespace, name) not in (*FINAL_STATES, *STOPPED_STATES)


def conclude_attempt(kube: Kube, namespace: str, name: str, attempt: int, trouble: str = "", history: str = "") -> RunRecord:
    """What became of it; `trouble` is what ended the wait before it ended itself, and stops it."""
    app = kube.find(_path(namespace, name))
    if app is None:
        raise JobFailed(
            trouble or "the application is gone: somebody deleted it, or its time to live was over", where=f"{namespace}/{name}"
        )
    driver = get_driver(kube, app)
    error = ClusterError(trouble) if trouble else None
    if error:
        cancel_attempt(kube, namespace, name, attempt)
    record = conclude(make_record(kube, app), Outcome(app, driver, _read_log(kube, driver, 200), error))
    if link := _history_link(app, history):
        record.links["history"] = link
    if not error:
        _annotate(kube, namespace, name, TOLD, attempt)
    return record


def read_last_lines(kube: Kube, namespace: str, name: str, count: int) -> list[str]:
    app = kube.find(_path(namespace, name))
    return _read_log(kube, get_driver(kube, app), count) if app else []


def _read_log(kube: Kube, driver: Object | None, count: int) -> list[str]:
    with suppress(ClusterError):  # the termination message says the same
        return [line for _, line in read_driver_log(kube, driver, tail=count)] if driver else []
    return []


def patiently(work: Callable[[], Result], patience: float = PATIENCE) -> Result:
    """Through a restart of the API server or of the webhook; what was refused is refused."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return work()
        except ClusterError as error:
            refused = isinstance(error, SubmissionRejected) or (isinstance(error, ApiError) and error.status < 500 and error.status != 429)
            if refused or time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)


def is_hopeless(error: YardError) -> bool:
    """Whether the same would happen again: a quota has room later, a wrong argument is wrong for ever."""
    return isinstance(error, HOPELESS) and "exceeded quota" not in error.what


def _history_link(app: Object, base: str) -> str:
    spark_id = app.get("status", {}).get("sparkApplicationId")
    return f"{base.rstrip('/')}/history/{spark_id}/" if base and spark_id else ""


def format_record(record: RunRecord) -> Sequence[str]:
    """A record as lines of a log."""
    rows = ", ".join(f"{count:,} {kind}" for kind, count in record.rows.items() if count is not None)
    lines = [f"{record.job} {record.state}" + (f" in {record.times['total']:.0f} s" if "total" in record.times else "")]
    lines += [f"rows: {rows}"] if rows else []
    lines += [f"tables: {', '.join(record.tables)}"] if record.tables else []
    return [*lines, *(f"{name}: {link}" for name, link in record.links.items())]
