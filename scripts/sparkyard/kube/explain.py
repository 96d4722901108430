"""Why something does not run, in plain words. Pure: API objects in, words out."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sparkyard.errors import ClusterError, JobFailed, OutOfMemory, SubmissionRejected, YardError
from sparkyard.summary import find_cause

Object = dict[str, Any]

FINAL_STATES = ("COMPLETED", "FAILED")
STOPPED_STATES = ("SUSPENDING", "SUSPENDED")
STALE = 150.0  # seconds after which a warning no longer counts: a live one is repeated at least every two minutes
_STEPS = ("Pulling", "Pulled", "Created", "Started")  # volumes are mounted before the first of them
_PULL = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")
_REFUSAL = re.compile(r"(?:Message: |denied (?:the )?request: )(.*?)(?:\.? ?Received status: |\n\s*at |$)", re.S)
_FRAME = re.compile(
    r"^.*? is forbidden: |^admission webhook \S+ denied the request: |^ValidatingAdmissionPolicy .*? denied request: ", re.S
)
_JAVA = re.compile(r"^(?:Exception in thread \"[^\"]*\" |Caused by: )((?:[\w$]+\.)+\w+.*)$", re.M)


@dataclass(frozen=True)
class Trouble:
    """What is the matter with a pod. Kinds: image-pull, unschedulable, evicted, config, out-of-memory, ended."""

    kind: str
    message: str


def application_state(app: Object) -> str:
    """The operator's word; NEW before it has looked at the application."""
    return str(app.get("status", {}).get("applicationState", {}).get("state") or "NEW")


def explain_failure(app: Object, driver: Object | None, result: Object | None) -> YardError:
    """Why an application did not succeed; the nearest witness is asked first: the job, its pod, then the operator."""
    ended = terminated_state(driver)
    if ended or (result or {}).get("error"):
        return _explain_end(ended or {}, driver, result)
    if driver and (trouble := explain_pod(driver)):
        return OutOfMemory(trouble.message) if trouble.kind == "out-of-memory" else ClusterError(trouble.message)
    message = str(app.get("status", {}).get("applicationState", {}).get("errorMessage", ""))
    if "failed to submit" in message or application_state(app) == "SUBMISSION_FAILED":
        return explain_submission(message)
    if "driver pod not found" in message:
        return ClusterError("the driver pod vanished: somebody deleted it, or its node died")
    return JobFailed(message or "the operator gives no reason")


def _explain_end(ended: Object, driver: Object | None, result: Object | None) -> YardError:
    code = 137 if ended.get("reason") == "OOMKilled" else int(ended.get("exitCode", 1))
    error = find_cause(code or 1, result, str(ended.get("message", "")).splitlines()) or JobFailed(
        f"the driver ended with exit code {code}"
    )
    if isinstance(error, OutOfMemory) and code == 137 and driver:
        error.what += f": the driver pod was killed at its limit of {_memory_limit(driver)}"
        error.next_command = "raise spec.driver.memory or spec.driver.memoryOverhead"
    return error


def terminated_state(pod: Object | None) -> Object | None:
    """How the pod's first container ended; None while it has not."""
    statuses = (pod or {}).get("status", {}).get("containerStatuses", [])
    return next((s["state"]["terminated"] for s in statuses if s.get("state", {}).get("terminated")), None)


def explain_submission(message: str) -> YardError:
    """What the API server said is buried in the submitter's Java stack trace."""
    found = _REFUSAL.search(message)
    if found:
        words = found.group(1).strip()
        if "exceeded quota" in words:
            return SubmissionRejected(f"no room in the namespace's quota: {words}", next_command="sparkyard list, then wait or cancel one")
        return SubmissionRejected(refusal_words(words))
    java = _JAVA.findall(message)
    return ClusterError(f"the operator could not submit it: {java[-1] if java else message.strip()[-400:]}")


def refusal_words(message: str) -> str:
    """What our webhook or a policy said, without the frames that the API server puts around it."""
    while (shorter := _FRAME.sub("", message, count=1)) != message:
        message = shorter
    return message.strip()


def explain_pod(pod: Object, events: list[Object] | None = None, now: float | None = None) -> Trouble | None:
    """What keeps a pod from running, or made it fail; None when nothing is wrong with it. With `now`, old events do not count."""
    status = pod.get("status", {})
    if status.get("reason") == "Evicted":
        return Trouble("evicted", f"the node evicted it: {status.get('message', '')}")
    for condition in status.get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return Trouble("unschedulable", f"no node can take it: {condition.get('message', '')}")
        if condition["type"] == "DisruptionTarget" and condition["status"] == "True":
            return Trouble("evicted", f"the cluster takes it away: {condition.get('message') or condition.get('reason', '')}")
    steps, since = _split_events(events or [])
    pulling = _is_pulling(steps, since)
    for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        trouble = _explain_container(container, pod)
        if trouble and not (pulling and trouble.kind == "image-pull"):  # what an earlier pull met is told until this one has ended
            return trouble
    return None if pulling or status.get("phase") != "Pending" else _explain_warnings(status, since, now)


def is_pulling(events: list[Object]) -> bool:
    """An image of the pod's is on its way."""
    return _is_pulling(*_split_events(events))


def _is_pulling(steps: list[str], since: list[Object]) -> bool:
    return steps[-1:] == ["Pulling"] and all(event.get("reason") != "Failed" for event in since)


def _split_events(events: list[Object]) -> tuple[list[str], list[Object]]:
    """Steps that a node has made for the pod, and what came after the last of them: a step answers all warnings before it."""
    steps: list[str] = []
    since: list[Object] = []
    for event in sorted(events, key=last_seen):
        if event.get("reason") in _STEPS:
            steps.append(event["reason"])
            since = []
        else:
            since.append(event)
    return steps, since


def _explain_warnings(status: Object, events: list[Object], now: float | None) -> Trouble | None:
    """The newest that may still be true."""
    scheduled = any(item["type"] == "PodScheduled" and item["status"] == "True" for item in status.get("conditions", []))
    for event in reversed(events):
        reason, seen = event.get("reason"), last_seen(event)
        if event.get("type") != "Warning" or (scheduled and reason == "FailedScheduling") or (now and seen and now - seen > STALE):
            continue
        return Trouble("unschedulable" if reason == "FailedScheduling" else "config", f"{reason}: {event.get('message')}")
    return None


def last_seen(event: Object) -> float:
    """Whichever API wrote it; 0 where it does not say."""
    series, meta = event.get("series") or {}, event.get("metadata") or {}
    stamps = [series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"), event.get("firstTimestamp")]
    if not any(stamps):
        stamps = [meta.get("creationTimestamp")]  # by the API server's clock, not by the writer's
    return max((datetime.fromisoformat(stamp).timestamp() for stamp in stamps if stamp), default=0.0)


def _explain_container(container: Object, pod: Object) -> Trouble | None:
    name, state = container["name"], container.get("state", {})
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
    reason = str(waiting.get("reason", ""))
    if reason in _PULL:
        return Trouble("image-pull", f"the image {container['image']} cannot be pulled: {waiting.get('message', reason)}")
    if reason == "CrashLoopBackOff":
        ended = container.get("lastState", {}).get("terminated") or {}
    elif reason.endswith("Error"):
        return Trouble("config", f"container {name}: {reason}: {waiting.get('message', '')}")
    if ended.get("exitCode", 0) == 0:
        return None
    if ended.get("reason") == "OOMKilled":
        return Trouble("out-of-memory", f"container {name} ran out of memory (limit {_memory_limit(pod, name)})")
    last = str(ended.get("message", "")).strip().splitlines()
    return Trouble("ended", f"container {name} ended with exit code {ended['exitCode']}" + (f": {last[-1]}" if last else ""))


def _memory_limit(pod: Object, container: str = "") -> str:
    containers = pod["spec"]["containers"]
    found = next((item for item in containers if item["name"] == container), containers[0])
    return str(found.get("resources", {}).get("limits", {}).get("memory", "no limit"))


def hint_from_log(line: str) -> str:
    """A driver retries for ever when its executors are refused, and only its log says so."""
    if "exceeded quota" in line or ("is forbidden" in line and "pods" in line):
        found = _REFUSAL.search(line)
        return f"executors are refused: {refusal_words(found.group(1) if found else line)}"
    return ""
