"""SparkApplications, their driver and executors, and how far they are."""

import json
import time
from collections.abc import Iterator
from threading import Event
from typing import Any
from urllib.request import urlopen

from sparkyard.errors import ClusterError
from sparkyard.kube.client import APPLICATIONS, ApiError, Kube, Object
from sparkyard.kube.forward import forward

NAME_LABEL = "sparkoperator.k8s.io/app-name"
DRIVER_CONTAINER = "spark-kubernetes-driver"
UI_PORT = 4040


def applications_path(namespace: str) -> str:
    return APPLICATIONS.format(namespace=namespace)


def list_applications(kube: Kube, namespace: str | None) -> list[Object]:
    """Newest first; of every namespace if none is named."""
    path = applications_path(namespace) if namespace else "/apis/sparkoperator.k8s.io/v1beta2/sparkapplications"
    try:
        found = kube.list(path)
    except ApiError as error:
        if error.status == 404:
            raise ClusterError(
                "the cluster knows no SparkApplications", where=kube.host, next_command="sparkyard install --reuse-values"
            ) from None
        raise
    return sorted(found, key=lambda app: str(app["metadata"]["creationTimestamp"]), reverse=True)


def get_application(kube: Kube, namespace: str, name: str) -> Object:
    app = kube.find(f"{applications_path(namespace)}/{name}")
    if app is None:
        raise ClusterError("there is no such application", where=f"{namespace}/{name}", next_command=f"sparkyard list -n {namespace}")
    return app


def get_driver(kube: Kube, app: Object) -> Object | None:
    namespace, name = app["metadata"]["namespace"], app["metadata"]["name"]
    pod = app.get("status", {}).get("driverInfo", {}).get("podName") or f"{name}-driver"
    return kube.find(f"/api/v1/namespaces/{namespace}/pods/{pod}")


def list_executors(kube: Kube, app: Object) -> list[Object]:
    namespace, name = app["metadata"]["namespace"], app["metadata"]["name"]
    return kube.list(f"/api/v1/namespaces/{namespace}/pods", labelSelector=f"{NAME_LABEL}={name},spark-role=executor")


def list_pod_events(kube: Kube, pod: Object) -> list[Object]:
    selector = f"involvedObject.uid={pod['metadata']['uid']}"
    return kube.list(f"/api/v1/namespaces/{pod['metadata']['namespace']}/events", fieldSelector=selector)


def delete_application(kube: Kube, namespace: str, name: str, timeout: float = 60) -> bool:
    """Gone, its driver pod too, when this returns; False where there was none."""
    app = kube.find(f"{applications_path(namespace)}/{name}")
    if app is None:
        return False
    kube.delete(f"{applications_path(namespace)}/{name}")
    deadline = time.monotonic() + timeout
    while kube.find(f"{applications_path(namespace)}/{name}") or get_driver(kube, app):
        if time.monotonic() > deadline:
            raise ClusterError(
                f"is still there {timeout:.0f} s after its deletion",
                where=f"{namespace}/{name}",
                next_command=f"kubectl describe sparkapplication -n {namespace} {name}",
            )
        time.sleep(0.5)
    return True


def termination_message(driver: Object | None) -> str:
    """What the driver left behind; it outlives the driver's log."""
    statuses = (driver or {}).get("status", {}).get("containerStatuses", [])
    return next((str(s["state"]["terminated"].get("message", "")) for s in statuses if s.get("state", {}).get("terminated")), "")


def watch_progress(kube: Kube, namespace: str, pod: str, stop: Event) -> Iterator[tuple[int, int]]:
    """(tasks done, tasks known) every second, by the driver's own interface; ends when the driver's ends."""
    with forward(kube, namespace, port=UI_PORT, pod=pod) as port:
        base = f"http://127.0.0.1:{port}/api/v1/applications"
        while not stop.wait(1):
            application = _load(base)[0]["id"]
            stages = [stage for stage in _load(f"{base}/{application}/stages") if stage["status"] != "SKIPPED"]
            yield sum(stage["numCompleteTasks"] for stage in stages), sum(stage["numTasks"] for stage in stages)


def _load(url: str) -> Any:
    with urlopen(url, timeout=5) as answer:
        return json.load(answer)
