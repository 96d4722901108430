"""The platform's workloads: which are ready, and what keeps the others."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from sparkyard.kube.client import ApiError, Kube, Object
from sparkyard.kube.explain import explain_pod, is_pulling

COLLECTIONS = {"Deployment": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1", "Job": "batch/v1"}


@dataclass(frozen=True)
class Workload:
    kind: str
    namespace: str
    name: str
    ready: bool
    progress: str  # "1/2", or a Job's outcome
    selector: dict[str, str]

    @property
    def title(self) -> str:
        return f"{self.kind.lower()} {self.namespace}/{self.name}"


def list_workloads(kube: Kube, release: str) -> list[Workload]:
    return sorted(_find_workloads(kube, release), key=lambda item: (item.namespace, item.kind, item.name))


def _find_workloads(kube: Kube, release: str) -> Iterator[Workload]:
    for kind, version in COLLECTIONS.items():
        path = f"/apis/{version}/{kind.lower()}s"
        for item in kube.list(path, labelSelector=f"app.kubernetes.io/instance={release},app.kubernetes.io/managed-by=Helm"):
            yield make_workload(kind, item)


def make_workload(kind: str, item: Object) -> Workload:
    """Ready means: the newest revision, all of it, is up."""
    spec, status, meta = item["spec"], item.get("status", {}), item["metadata"]
    if kind == "Job":
        wanted, have, updated = spec.get("completions", 1), status.get("succeeded", 0), True
    elif kind == "DaemonSet":
        wanted, have = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
        updated = status.get("updatedNumberScheduled", 0) >= wanted
    else:
        wanted, have = spec.get("replicas", 1), status.get("readyReplicas", 0)
        updated = status.get("updatedReplicas", 0) >= wanted and status.get("replicas", 0) <= wanted
    seen = kind == "Job" or status.get("observedGeneration", 0) >= meta.get("generation", 0)
    selector = spec.get("selector", {}).get("matchLabels", {})
    return Workload(kind, meta["namespace"], meta["name"], bool(seen and updated and have >= wanted), f"{have}/{wanted}", selector)


def explain_workload(kube: Kube, workload: Workload) -> str:
    """Why it is not ready: its pods' trouble, else what its own events say."""
    selector = ",".join(f"{key}={value}" for key, value in workload.selector.items())
    pods = kube.list(f"/api/v1/namespaces/{workload.namespace}/pods", labelSelector=selector) if selector else []
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True):
        if words := _explain_pod(kube, workload.namespace, pod):
            return words
    warnings = [words for owner in _owner_names(kube, workload) for words in _warnings(kube, workload.namespace, owner)]
    return warnings[-1] if warnings else "still starting; nothing is wrong so far"


def _explain_pod(kube: Kube, namespace: str, pod: Object) -> str:
    name = pod["metadata"]["name"]
    events = kube.list(f"/api/v1/namespaces/{namespace}/events", fieldSelector=f"involvedObject.name={name}")
    if trouble := explain_pod(pod, events, time.time()):
        lines = last_log_lines(kube, namespace, pod) if trouble.kind == "ended" else []
        return "\n".join([f"pod {name}: {trouble.message}", *(f"  │ {line}" for line in lines)])
    if pod.get("status", {}).get("phase") == "Pending":
        return f"pod {name} waits for an image, which is being pulled" if is_pulling(events) else ""
    containers = pod.get("status", {}).get("containerStatuses", [])
    if containers and not all(container["ready"] for container in containers):
        unhealthy = [event["message"] for event in events if event.get("reason") == "Unhealthy"]
        return f"pod {name} runs and is not ready" + (f": {unhealthy[-1]}" if unhealthy else "")
    return ""


def last_log_lines(kube: Kube, namespace: str, pod: Object, count: int = 5) -> list[str]:
    """Of the container that fell over last, its previous life included."""
    failed = [c for c in pod["status"].get("containerStatuses", []) if not c["ready"]]
    if not failed:
        return []
    query = {"container": failed[0]["name"], "tailLines": count, "previous": failed[0].get("restartCount", 0) > 0}
    try:
        return kube.text(f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}/log", **query).splitlines()
    except ApiError:
        return []  # a log that is gone explains nothing


def _owner_names(kube: Kube, workload: Workload) -> list[str]:
    """The workload and, of a Deployment, its ReplicaSets: quota and admission refuse pods there."""
    if workload.kind != "Deployment":
        return [workload.name]
    selector = ",".join(f"{key}={value}" for key, value in workload.selector.items())
    sets = kube.list(f"/apis/apps/v1/namespaces/{workload.namespace}/replicasets", labelSelector=selector)
    return [workload.name, *(item["metadata"]["name"] for item in sets if item["spec"].get("replicas"))]


def _warnings(kube: Kube, namespace: str, name: str) -> list[str]:
    events = kube.list(f"/api/v1/namespaces/{namespace}/events", fieldSelector=f"involvedObject.name={name},type=Warning")
    return [f"{event['reason']}: {event['message']}" for event in events]
