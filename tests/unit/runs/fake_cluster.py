"""A cluster of one job namespace over real HTTP: it keeps applications and driver pods, and fails when told to."""

import copy
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from unit.kube.fake_api import serve

Object = dict[str, Any]
APPS = "/apis/sparkoperator.k8s.io/v1beta2/namespaces/spark-jobs/sparkapplications"
PODS = "/api/v1/namespaces/spark-jobs/pods"
RESULT = {"job": "hello-hello", "status": "ok", "rows": {"read": 5, "rejected": 1, "written": 4}, "tables": ["yard.refined.x"]}


class FakeCluster:
    def __init__(self) -> None:
        self.apps: dict[str, Object] = {}
        self.pods: dict[str, Object] = {}
        self.log: list[str] = []
        self.changed: list[Object] = []  # applications that whoever watches is told of
        self.created: list[str] = []
        self.refusals: list[tuple[int, str]] = []  # the answers to the next requests
        self.lost_answers = 0  # requests that are done, and then answered as if the server had gone

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if self.refusals and "watch=" not in path:  # a watch goes on beside what a test counts
            status, message = self.refusals.pop(0)
            return status, {"message": message}
        done = self._do(method, path.partition("?")[0], path.partition("?")[2], body)
        if method != "GET" and self.lost_answers:
            self.lost_answers -= 1
            return 504, {"message": "the answer was lost"}
        return done

    def _do(self, method: str, path: str, query: str, body: Any) -> tuple[int, Any]:
        if path == APPS and method == "POST":
            return self._create(body)
        if path == APPS and "watch=" in query:
            return self._wait_for_change()
        if path == PODS or path.endswith("/events"):
            return 200, {"items": []}
        if path.endswith("/log"):
            since = parse_qs(query).get("sinceTime", [""])[0][:19]  # whole seconds, as the real one counts
            return 200, [line for line in self.log if line[:19] >= since]
        kept, name = (self.apps, path.removeprefix(f"{APPS}/")) if path.startswith(APPS) else (self.pods, path.removeprefix(f"{PODS}/"))
        if name not in kept:
            return 404, {"message": f"{name} not found"}
        if method == "DELETE":
            self.pods.pop(f"{name}-driver", None)
            return 200, kept.pop(name)
        if method == "PATCH":
            self._patch(kept[name], body)
        return 200, kept[name]

    def _wait_for_change(self) -> tuple[int, Any]:
        """A stream of one change, or of none for a second."""
        for _ in range(100):
            if self.changed:
                return 200, [{"type": "MODIFIED", "object": self.changed.pop(0)}]
            time.sleep(0.01)
        return 200, []

    def _create(self, body: Object) -> tuple[int, Any]:
        name = body["metadata"]["name"]
        if name in self.apps:
            return 409, {"message": f"{name} already exists"}
        app = copy.deepcopy(body)
        app["metadata"] |= {"uid": str(uuid.uuid4()), "creationTimestamp": "2026-11-21T16:21:37Z"}
        self.apps[name] = app
        self.created.append(name)
        return 201, app

    def _patch(self, app: Object, body: Object) -> None:
        app["metadata"].setdefault("annotations", {}).update(body.get("metadata", {}).get("annotations", {}))
        if body.get("spec", {}).get("suspend"):
            app["spec"]["suspend"] = True
            self.become(app["metadata"]["name"], "SUSPENDED")

    def become(self, name: str, state: str, message: str = "") -> None:
        """What the operator would write."""
        status = self.apps[name].setdefault("status", {})
        status["applicationState"] = {"state": state} | ({"errorMessage": message} if message else {})
        status["sparkApplicationId"] = "spark-8eb1d909e0944f9d9029676b2442d84b"
        if state in ("COMPLETED", "FAILED"):
            status["terminationTime"] = "2026-11-21T16:21:56Z"

    def run_driver(self, name: str, code: int | None = None, result: Object | None = None, reason: str = "Completed") -> None:
        """A driver pod; `code` ends it, and `result` is what it left."""
        container = {"name": "spark-kubernetes-driver", "resources": {"limits": {"memory": "896Mi"}}}
        state: Object = {"running": {}}
        if code is not None:
            ended = {"startedAt": "2026-11-21T16:21:39Z", "finishedAt": "2026-11-21T16:21:54Z", "reason": reason}
            state = {"terminated": {"exitCode": code, "message": json.dumps(result or RESULT), **ended}}
        status = {"name": container["name"], "image": "spark:1", "state": state}
        self.pods[f"{name}-driver"] = {
            "metadata": {"name": f"{name}-driver", "namespace": "spark-jobs", "uid": "c3fa6e83"},
            "spec": {"containers": [container]},
            "status": {"phase": "Running" if code is None else "Succeeded", "containerStatuses": [status]},
        }

    def end(self, name: str, state: str = "COMPLETED", code: int = 0, result: Object | None = None, message: str = "") -> None:
        self.run_driver(name, code, result)
        self.become(name, state, message)


@contextmanager
def run_cluster(folder: Path) -> Iterator[tuple[FakeCluster, str]]:
    """The cluster and the kubeconfig that leads to it."""
    cluster = FakeCluster()
    with serve(cluster.answer, folder) as kubeconfig:
        yield cluster, kubeconfig
