"""When applications are made and their drivers end, by this machine's clock (the API's own has whole seconds), and what they wait for."""

import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from sparkyard.errors import ClusterError
from sparkyard.kube import Kube
from sparkyard.kube.applications import applications_path
from sparkyard.kube.explain import application_state
from sparkyard.names import JOBS_NAMESPACE, PLATFORM_NAMESPACE

Object = dict[str, Any]
OF_A_TASK = re.compile(r"hello-hello-[0-9a-z]{8,10}")  # ours and the provider's
PODS = f"/api/v1/namespaces/{JOBS_NAMESPACE}/pods"


class Clock:
    def __init__(self, kube: Kube) -> None:
        self.kube = kube
        self.made: dict[str, datetime] = {}
        self.ended: dict[str, datetime] = {}
        self.known = {item["metadata"]["name"] for item in kube.list(applications_path(JOBS_NAMESPACE))}
        for path, note in ((applications_path(JOBS_NAMESPACE), self._note_application), (PODS, self._note_pod)):
            threading.Thread(target=self._watch, args=(path, note), daemon=True).start()

    def _watch(self, path: str, note: Callable[[Object], None]) -> None:
        while True:
            with suppress(ClusterError, ValueError):  # a stream that fell silent is taken up again
                for line in self.kube.lines(path, watch=True, timeoutSeconds=300):
                    note(json.loads(line)["object"])

    def _note_application(self, app: Object) -> None:
        if OF_A_TASK.fullmatch(name := app["metadata"]["name"]) and name not in self.known:
            self.made.setdefault(name, datetime.now(UTC))

    def _note_pod(self, pod: Object) -> None:
        name = pod["metadata"]["name"].removesuffix("-driver")
        if name in self.made and pod["status"].get("phase") in ("Succeeded", "Failed"):
            self.ended.setdefault(name, datetime.now(UTC))

    def begin(self) -> None:
        self.known |= self.made.keys()
        self.made, self.ended = {}, {}


def count_waiting(kube: Kube, names: set[str]) -> Counter[str]:
    """What each of them waits for now."""
    apps = [app for app in kube.list(applications_path(JOBS_NAMESPACE)) if app["metadata"]["name"] in names]
    phases = {pod["metadata"]["name"]: pod["status"].get("phase") for pod in kube.list(PODS)}
    counted: Counter[str] = Counter()
    for app in apps:
        state, driver = application_state(app), phases.get(f"{app['metadata']['name']}-driver")
        if state == "NEW":
            counted["for the operator"] += 1
        elif driver == "Pending":
            counted["for room on a node"] += 1
        elif driver == "Running":
            counted["for its own work"] += 1
        elif state not in ("COMPLETED", "FAILED"):
            counted["for the operator to see its end"] += 1
    return counted


def operator_memory(kube: Kube) -> float:
    """MiB that it works with, as the kubelets count it."""
    used = 0.0
    for node in kube.list("/api/v1/nodes"):
        summary = kube.get(f"/api/v1/nodes/{node['metadata']['name']}/proxy/stats/summary")
        for pod in summary["pods"]:
            name = pod["podRef"]
            if name["namespace"] == PLATFORM_NAMESPACE and name["name"].startswith("spark-operator-controller"):
                used += sum(container["memory"]["workingSetBytes"] for container in pod["containers"]) / 2**20
    return used
