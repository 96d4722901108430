"""An Airflow of the tests' own beside the platform, as its chart brings it, and its REST API as a person's script uses it."""

import base64
import io
import json
import re
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import yaml

from sparkyard.helm import Helm
from sparkyard.kube import forward
from sparkyard.project import ROOT
from sparkyard.runs.values import load_images

Object = dict[str, Any]
RELEASE = "e2e-airflow"  # and its namespace
TASKS = "e2e-airflow-tasks"
RENTED = f"/api/v1/namespaces/{RELEASE}/configmaps"  # a rented cluster is a ConfigMap here, and the test its controller
APPLICATIONS = "/apis/sparkoperator.k8s.io/v1beta2/namespaces"
OF_A_TASK = re.compile(r"-[0-9a-f]{10}$")  # an application's name ends so, whichever operator made it
OVER = ("success", "failed")


def make_values() -> Object:
    return {
        "global": {"images": load_images()},
        "database": {"host": f"postgres.{RELEASE}.svc", "name": "postgres", "user": "postgres"},
        "podTasks": {"namespace": TASKS, "inJobNamespaces": True},
        "rentalSecret": "rental",
        "historyUrl": "https://history.example.com",
        "dags": {"claim": "dags"},
        "env": {
            "SPARKYARD_MANIFESTS": "/opt/sparkyard/dags/manifests",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "20",
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        },  # runs are the test's alone
    }


def make_surroundings() -> list[Object]:
    """What a site has: a namespace with its DAGs, a database, something to rent."""
    meta, secret = {"name": "postgres", "namespace": RELEASE, "labels": {"app": "postgres"}}, {"name": "rental", "namespace": RELEASE}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "50Mi"}}}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": RELEASE}},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "dags", "namespace": RELEASE}, "spec": claim},
        {"apiVersion": "v1", "kind": "Secret", "metadata": secret, "stringData": {"rental.json": json.dumps(make_rental())}},
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": {"app": "postgres"}, "ports": [{"port": 5432}]}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": make_database()},
        *make_rights(),
    ]


def make_database() -> Object:
    """The DAGs' claim is mounted, too, so that there is a pod to fill it by."""
    mounts = {"password": "/run/secrets/airflow", "data": "/var/lib/postgresql/data", "run": "/var/run/postgresql", "tmp": "/tmp"}
    container = {
        "name": "postgres",
        "image": json.loads((ROOT / "build/images.json").read_text())["postgres"],
        "env": [{"name": "POSTGRES_PASSWORD_FILE", "value": "/run/secrets/airflow/database"}],
        "volumeMounts": [{"name": name, "mountPath": path} for name, path in (mounts | {"dags": "/dags"}).items()],
        "readinessProbe": {"exec": {"command": ["pg_isready", "-h", "localhost"]}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}},
    }
    volumes: list[Object] = [{"name": "password", "secret": {"secretName": "airflow", "defaultMode": 0o640}}]
    volumes += [{"name": "dags", "persistentVolumeClaim": {"claimName": "dags"}}]
    volumes += [{"name": name, "emptyDir": {}} for name in ("data", "run", "tmp")]
    return {"enableServiceLinks": False, "securityContext": {"fsGroup": 185}, "containers": [container], "volumes": volumes}


def make_rental() -> Object:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{run}"}, "data": {"state": "starting"}}
    return {"path": RENTED, "object": body, "ready": ["data", "state"], "is": "ready", "wait": 20}


def make_rights() -> list[Object]:
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "create", "delete"]}
    meta, group = {"name": "rented", "namespace": RELEASE}, "rbac.authorization.k8s.io"
    to = {"roleRef": {"apiGroup": group, "kind": "Role", "name": "rented"}}
    subject = {"kind": "ServiceAccount", "name": "airflow", "namespace": RELEASE}
    return [
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": meta, "rules": [rule]},
        {"apiVersion": f"{group}/v1", "kind": "RoleBinding", "metadata": meta, **to, "subjects": [subject]},
    ]


def fill_dags(yard: Any, manifests: dict[str, Object]) -> None:
    """The project's DAGs and manifests as they stand, and those of the tests."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path in [*(ROOT / "airflow/dags").glob("*.py"), *(ROOT / "tests/e2e/airflow_dags").glob("*.py")]:
            tar.add(path, path.name)
        for path in (ROOT / "manifests/jobs").glob("*.yaml"):
            tar.add(path, f"manifests/{path.name}")
        for name, manifest in manifests.items():
            text = yaml.safe_dump(manifest).encode()
            entry = tarfile.TarInfo(f"manifests/{name}.yaml")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    command = ["kubectl", "--kubeconfig", yard.kubeconfig, "exec", "-i", "-n", RELEASE, "postgres", "--", "tar", "xmf", "-", "-C", "/dags"]
    subprocess.run([*command, "--no-same-permissions", "--no-same-owner"], input=packed.getvalue(), check=True, timeout=60)


@contextmanager
def install(yard: Any, manifests: dict[str, Object]) -> Iterator["Airflow"]:
    helm = Helm(yard.kubeconfig)
    yard.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(make_surroundings()))
    helm.upgrade(RELEASE, ROOT / "charts" / "airflow", make_values(), RELEASE, 300)
    try:
        yard.kubectl("wait", "-n", RELEASE, "pod/postgres", "--for=condition=Ready", "--timeout=120s")
        fill_dags(yard, manifests)
        for name in ("statefulset/airflow-scheduler", "statefulset/airflow-triggerer", "deployment/airflow-api-server"):
            yard.kubectl("rollout", "status", name, "-n", RELEASE, "--timeout=290s")
        with forward(yard.kube, RELEASE, service="airflow-api-server", port=8080) as port:
            yield Airflow(yard, f"http://127.0.0.1:{port}", read_password(yard))
    finally:
        take_away(yard, helm)


def read_password(yard: Any) -> str:
    secret = yard.kube.get(f"/api/v1/namespaces/{RELEASE}/secrets/airflow")["data"]["passwords.json"]
    return str(json.loads(base64.b64decode(secret))["admin"])


def take_away(yard: Any, helm: Helm) -> None:
    helm.uninstall(RELEASE, RELEASE, 120)
    for app in yard.kube.list(f"{APPLICATIONS}/{yard.namespace}/sparkapplications"):
        if OF_A_TASK.search(app["metadata"]["name"]):
            yard.kubectl("delete", "sparkapplication", "-n", yard.namespace, app["metadata"]["name"], "--wait=false", "--ignore-not-found")
    yard.kubectl("delete", "namespace", RELEASE, TASKS, "--ignore-not-found", "--timeout=240s")


class Airflow:
    def __init__(self, yard: Any, address: str, password: str) -> None:
        self.yard, self.address, self.password = yard, address, password
        self.client = httpx.Client(base_url=address, timeout=60)
        self.wait(self._log_in, "no login", 180)

    def _log_in(self) -> bool:
        try:
            answer = self.client.post("/auth/token", json={"username": "admin", "password": self.password})
        except httpx.HTTPError:
            return False
        if answer.is_success:
            self.client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return answer.is_success

    def ask(self, method: str, path: str, **fields: Any) -> Any:
        """Through a restart of the server, which a fault may be."""
        for _ in range(60):
            try:
                answer = self.client.request(method, f"/api/v2/{path}", **fields)
                break
            except httpx.HTTPError:
                time.sleep(1)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:1000]}"
        return answer.json() if answer.content else None

    def wait(self, done: Any, words: str, timeout: float) -> Any:
        deadline = time.monotonic() + timeout
        while not (found := done()):
            assert time.monotonic() < deadline, f"{words} after {timeout:.0f} s"
            time.sleep(1)
        return found

    def trigger(self, dag: str, **conf: Any) -> str:
        self.wait(lambda: dag in self.list_dags(), f"there is no DAG {dag}", 180)
        self.ask("PATCH", f"dags/{dag}", json={"is_paused": False})
        return str(self.ask("POST", f"dags/{dag}/dagRuns", json={"logical_date": None, "conf": conf})["dag_run_id"])

    def list_dags(self) -> set[str]:
        return {dag["dag_id"] for dag in self.ask("GET", "dags")["dags"]}

    def run(self, dag: str, timeout: float = 600, **conf: Any) -> tuple[str, dict[str, str]]:
        run = self.trigger(dag, **conf)
        return self.wait_for_end(dag, run, timeout), self.states(dag, run)

    def list_runs(self, dag: str) -> set[str]:
        return {run["dag_run_id"] for run in self.ask("GET", f"dags/{dag}/dagRuns", params={"limit": 100})["dag_runs"]}

    def wait_for_end(self, dag: str, run: str, timeout: float = 600) -> str:
        def over() -> str:
            state = self.ask("GET", f"dags/{dag}/dagRuns/{run}")["state"]
            return state if state in OVER else ""

        return str(self.wait(over, f"{dag} {run} is not over: {self.states(dag, run)}", timeout))

    def states(self, dag: str, run: str) -> dict[str, str]:
        return {task["task_id"]: str(task["state"]) for task in self.tasks(dag, run)}

    def tasks(self, dag: str, run: str) -> list[Object]:
        return list(self.ask("GET", f"dags/{dag}/dagRuns/{run}/taskInstances", params={"limit": 100})["task_instances"])

    def wait_for_state(self, dag: str, run: str, task: str, state: str, timeout: float = 180) -> None:
        self.wait(lambda: self.states(dag, run).get(task) == state, f"{task} of {dag} is not {state}", timeout)

    def log(self, dag: str, run: str, task: str, attempt: int = 1) -> str:
        return json.dumps(self.ask("GET", f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/{attempt}", params={"full_content": True}))

    def xcom(self, dag: str, run: str, task: str, key: str = "return_value") -> Any:
        return self.ask("GET", f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/xcomEntries/{key}")["value"]

    def applications(self, job: str) -> list[Object]:
        """Of this job, made by a DAG."""
        found = self.yard.kube.list(f"{APPLICATIONS}/{self.yard.namespace}/sparkapplications")
        return [app for app in found if app["metadata"]["name"].startswith(f"{job}-")]
