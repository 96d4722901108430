"""An Airflow of the tests' own beside the platform, as its chart brings it, one for all files of these tests; and a hand to drive it."""

import base64
import io
import json
import re
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from e2e.airflow_faults import CODE, make_manifests
from e2e.airflow_objects import RELEASE, RENTED, TASKS, make_surroundings, make_values

from sparkyard.cli.open import open_part
from sparkyard.helm import Helm
from sparkyard.kube.applications import applications_path
from sparkyard.kube.explain import FINAL_STATES, STOPPED_STATES, application_state
from sparkyard.project import ROOT

sys.path.insert(0, str(ROOT / "scripts" / "bench"))
from airflow_api import AirflowApi

Object = dict[str, Any]
OF_A_TASK = re.compile(r"-[0-9a-f]{10}$")  # an application's name ends so, whichever operator made it
PROCESSES = ("statefulset/airflow-scheduler", "statefulset/airflow-triggerer", "deployment/airflow-api-server")


@pytest.fixture(scope="session")
def air(yard: Any) -> Iterator["Airflow"]:
    code = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "e2e-airflow-code", "namespace": yard.namespace}, "data": CODE}
    yard.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(code))
    with install(yard) as air:
        yield air
    yard.kubectl("delete", "configmap", "-n", yard.namespace, "e2e-airflow-code")


@pytest.fixture(scope="session")
def trace(yard: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small sample of the trace in raw."""
    return upload_sample(yard, tmp_path_factory.mktemp("trace"), "trace", "0.01", "raw/e2e-airflow/trace")


def upload_sample(yard: Any, folder: Path, family: str, scale: str, to: str) -> str:
    yard.sparkyard("sample", family, "--scale", scale, "--out", str(folder))
    yard.sparkyard("upload", str(folder), "--to", to)
    return f"s3a://{to}/"


@contextmanager
def install(yard: Any) -> Iterator["Airflow"]:
    helm = Helm(yard.kubeconfig)
    yard.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(make_surroundings()))
    try:
        helm.upgrade(RELEASE, ROOT / "charts" / "airflow", make_values(), RELEASE, 300)
        yard.kubectl("wait", "-n", RELEASE, "pod/postgres", "--for=condition=Ready", "--timeout=120s")
        fill_dags(yard)
        wait_for_processes(yard)
        with open_part(yard.kube, RELEASE, "airflow") as port:
            yield Airflow(yard, f"http://127.0.0.1:{port}")
    finally:
        take_away(yard, helm)


def wait_for_processes(yard: Any) -> None:
    for name in PROCESSES:
        yard.kubectl("rollout", "status", name, "-n", RELEASE, "--timeout=290s")


def fill_dags(yard: Any) -> None:
    """The project's DAGs and manifests as they stand, and those of the tests."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path in [*(ROOT / "airflow/dags").glob("*.py"), *(ROOT / "tests/e2e/airflow_dags").glob("*.py")]:
            tar.add(path, path.name)
        for path in (ROOT / "manifests/jobs").glob("*.yaml"):
            tar.add(path, f"manifests/jobs/{path.name}")
        for name, manifest in make_manifests(yard).items():
            add_file(tar, f"manifests/jobs/{name}.yaml", yaml.safe_dump(manifest).encode())
    unpack(yard, packed)


def put_file(yard: Any, name: str, content: bytes) -> None:
    """Where the site's web server has it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        add_file(tar, f"files/{name}", content)
    unpack(yard, packed)


def add_file(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def unpack(yard: Any, packed: io.BytesIO) -> None:
    pod = ["-n", RELEASE, "postgres", "-c", "postgres", "--", "tar", "xmf", "-", "-C", "/dags", "--no-same-permissions", "--no-same-owner"]
    command = ["kubectl", "--kubeconfig", yard.kubeconfig, "exec", "-i", *pod]
    subprocess.run(command, input=packed.getvalue(), check=True, timeout=60)


def read_password(yard: Any) -> str:
    secret = yard.kube.get(f"/api/v1/namespaces/{RELEASE}/secrets/airflow")["data"]["passwords.json"]
    return str(json.loads(base64.b64decode(secret))["admin"])


def take_away(yard: Any, helm: Helm) -> None:
    helm.uninstall(RELEASE, RELEASE, 120)
    made = [name for app in yard.kube.list(applications_path(yard.namespace)) if OF_A_TASK.search(name := app["metadata"]["name"])]
    if made:
        yard.kubectl("delete", "sparkapplication", "-n", yard.namespace, *made, "--wait=false", "--ignore-not-found")
    yard.kubectl("delete", "networkpolicy", "-n", yard.namespace, RELEASE, "--ignore-not-found")
    yard.kubectl("delete", "namespace", RELEASE, TASKS, "--ignore-not-found", "--timeout=240s")


class Airflow(AirflowApi):
    """And what its tasks have made in the cluster."""

    def __init__(self, yard: Any, address: str) -> None:
        self.yard = yard
        super().__init__(address, read_password(yard))

    def applications(self, job: str) -> list[Object]:
        """Of jobs whose name begins so, made by a DAG."""
        found = self.yard.kube.list(applications_path(self.yard.namespace))
        return [app for app in found if app["metadata"]["name"].startswith(job) and OF_A_TASK.search(app["metadata"]["name"])]

    def list_alive(self, job: str) -> list[str]:
        over = (*FINAL_STATES, *STOPPED_STATES)
        return [app["metadata"]["name"] for app in self.applications(job) if application_state(app) not in over]

    def list_pods(self, job: str) -> list[str]:
        pods = self.yard.kube.list(f"/api/v1/namespaces/{self.yard.namespace}/pods")
        phases = {pod["metadata"]["name"]: pod["status"].get("phase") for pod in pods}
        return [name for name, phase in phases.items() if name.startswith(job) and phase in ("Pending", "Running")]

    def wait_for_silence(self, job: str) -> None:
        """No application of these jobs goes on, and no pod."""
        self.wait(lambda: not self.list_alive(job), f"an application of {job} goes on", 90)
        self.wait(lambda: not self.list_pods(job), f"a pod of {job} goes on", 90)

    def wait_for_driver(self, job: str) -> str:
        """The one application of the job that runs."""

        def find() -> list[str]:
            found = self.applications(job)
            return [app["metadata"]["name"] for app in found if application_state(app) == "RUNNING"]

        [name] = self.wait(find, f"{job} does not run", 240)
        return str(name)


def be_the_pools_controller(yard: Any, seconds: float = 120) -> None:
    """What was rented becomes ready a moment later."""
    deadline = time.monotonic() + seconds
    while not (found := list_rented(yard)):
        assert time.monotonic() < deadline, "nothing was rented"
        time.sleep(1)
    yard.kube.patch(f"{RENTED}/{found[0]}", {"data": {"state": "ready"}})


def list_rented(yard: Any) -> list[str]:
    return [name for item in yard.kube.list(RENTED) if (name := item["metadata"]["name"]).startswith("run-")]
