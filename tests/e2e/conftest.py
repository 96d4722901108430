"""A deployed platform on a real cluster, a hand to drive it, and evidence where a test fails."""

import json
import os
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from e2e.airflow_site import air, trace  # noqa: F401  (fixtures, made when a test asks for them)
from e2e.hub import hub, kernels  # noqa: F401
from e2e.site import site  # noqa: F401

from sparkyard import lake
from sparkyard.kube import Kube, find_kubeconfig
from sparkyard.kube.applications import applications_path, delete_application
from sparkyard.kube.explain import FINAL_STATES, application_state
from sparkyard.names import JOBS_NAMESPACE
from sparkyard.project import ROOT
from sparkyard.runs.cluster_lake import open_catalog
from sparkyard.runs.install import RELEASE

Object = dict[str, Any]
SAMPLE = ROOT / "build/sample/events"
# Over a websocket kubectl drops what a quick command says before it listens: "Unknown stream id 1, discarding message".
os.environ["KUBECTL_REMOTE_COMMAND_WEBSOCKETS"] = "false"


class Yard:
    """What a user has: kubectl, the command sparkyard, and eyes."""

    def __init__(self) -> None:
        self.kube = Kube()
        self.kubeconfig = find_kubeconfig() or ""
        self.namespace = JOBS_NAMESPACE

    def kubectl(self, *args: str, check: bool = True, stdin: str | None = None) -> "subprocess.CompletedProcess[str]":
        command = ["kubectl", "--kubeconfig", self.kubeconfig, *args]
        done = subprocess.run(command, capture_output=True, text=True, input=stdin, cwd=ROOT, timeout=300)
        assert not check or done.returncode == 0, f"{' '.join(args)}: {done.stderr}"
        return done

    def sparkyard(self, *args: str, code: int | None = 0, timeout: float = 600) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", "from sparkyard.cli import main; main()", *args]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=timeout)
        assert code is None or done.returncode == code, f"sparkyard {' '.join(args)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def app(self, name: str) -> Object | None:
        return self.kube.find(f"{applications_path(self.namespace)}/{name}")

    def delete(self, *names: str) -> None:
        for name in names:
            delete_application(self.kube, self.namespace, name, timeout=120)

    def apply(self, manifest: Path | Object) -> str:
        """By plain kubectl; a file untouched. The application's name."""
        document = yaml.safe_load(manifest.read_text()) if isinstance(manifest, Path) else manifest
        name = str(document["metadata"]["name"])
        self.delete(name)
        if isinstance(manifest, Path):
            self.kubectl("apply", "-f", str(manifest))
        else:
            self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(manifest))
        return name

    def wait_for_end(self, name: str, timeout: float = 240) -> Object:
        return self.wait_for(name, FINAL_STATES, timeout)

    def wait_for(self, name: str, states: Sequence[str], timeout: float = 120) -> Object:
        deadline = time.monotonic() + timeout
        while True:
            app = self.app(name)
            assert app is not None, f"{name} is gone"
            if application_state(app) in states:
                return app
            assert time.monotonic() < deadline, f"{name} is {application_state(app)} after {timeout:.0f} s, not one of {states}"
            time.sleep(0.5)

    def wait_for_driver(self, name: str, phase: str = "Running", timeout: float = 120) -> Object:
        return self.wait_for_pod(f"{name}-driver", phase, timeout)

    def wait_for_pod(self, name: str, phase: str, timeout: float = 120) -> Object:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            pod = self.kube.find(f"/api/v1/namespaces/{self.namespace}/pods/{name}")
            if pod and pod["status"].get("phase") == phase:
                return pod
            time.sleep(0.5)
        raise AssertionError(f"pod {name} is not {phase} after {timeout:.0f} s")

    def run_code(self, name: str, code: str, **spec: Any) -> str:
        """Lines of Python as a whole job, from a ConfigMap: plain PySpark, without our contract."""
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{name}-code"}, "data": {"main.py": textwrap.dedent(code)}}
        self.kubectl("apply", "-n", self.namespace, "-f", "-", stdin=yaml.safe_dump(config))
        document = yaml.safe_load((ROOT / "manifests/jobs/hello-hello.yaml").read_text())
        document["metadata"]["name"] = name
        mounts = {"volumeMounts": [{"name": "code", "mountPath": "/etc/job"}]}
        document["spec"] |= {
            "mainApplicationFile": "local:///etc/job/main.py",
            "volumes": [{"name": "code", "configMap": {"name": f"{name}-code"}}],
            "driver": {**document["spec"]["driver"], **mounts},
            "executor": {**document["spec"]["executor"], "instances": 1},
            **spec,
        }
        return self.apply(document)

    def drop_tables(self, prefix: str) -> None:
        with open_catalog(self.kube) as catalog:
            for name in lake.list_tables(catalog, prefix):
                catalog.drop_table(name.removeprefix("yard."))

    def list_snapshots(self, *prefixes: str) -> dict[str, tuple[int | None, list[int]]]:
        """The current version of each table whose name begins so, and all that there are."""
        with open_catalog(self.kube) as catalog:
            tables = {name: lake.load_metadata(catalog, name).metadata for name in lake.list_tables(catalog, *prefixes)}
        return {name: (table.current_snapshot_id, [known.snapshot_id for known in table.snapshots]) for name, table in tables.items()}

    def record(self, name: str, home: Path) -> Object:
        done = self.sparkyard("wait", name, "--json", "--no-log", "--home", str(home), code=None)
        return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def yard() -> Yard:
    """The platform deployed: as it stands, or installed now."""
    yard = Yard()
    if not yard.kube.list("/api/v1/secrets", labelSelector=f"owner=helm,name={RELEASE},status=deployed"):
        yard.sparkyard("install", "--preset", "small-node", timeout=900)
    if not SAMPLE.exists():
        yard.sparkyard("sample", "events", "--scale", "1", "--out", str(SAMPLE))
    return yard


@pytest.fixture(scope="session")
def settings(yard: Yard, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The platform's settings as a site's administrator would hand them out."""
    path = tmp_path_factory.mktemp("settings") / "settings.yaml"
    path.write_text(
        yard.kubectl("get", "configmap", "-n", "sparkyard", "sparkyard-defaults", "-o", r"jsonpath={.data.settings\.yaml}").stdout
    )
    return path


@pytest.fixture
def clean_events(yard: Yard) -> Iterator[None]:
    """No table of the events family on the cluster, before and after: results then hang on the test's own input."""
    yard.drop_tables("events_windows")
    yield
    yard.drop_tables("events_windows")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.failed and "yard" in getattr(item, "fixturenames", ()):
        _keep_evidence(item.name)
    return report


def _keep_evidence(test: str) -> None:
    """What one would ask for first: objects, events, logs of drivers and of the platform."""
    folder = ROOT / "build/e2e" / re.sub(r"[^\w-]+", "_", test)
    folder.mkdir(parents=True, exist_ok=True)
    yard = Yard()
    asked = {
        "applications.yaml": ["get", "sparkapplications", "-A", "-o", "yaml"],
        "describe-jobs.txt": ["describe", "pods,resourcequotas", "-n", JOBS_NAMESPACE],
        "describe-platform.txt": ["describe", "pods", "-n", "sparkyard"],
        "events.txt": ["get", "events", "-A", "--sort-by=.lastTimestamp"],
        "operator.log": ["logs", "-n", "sparkyard", "-l", "app.kubernetes.io/name=spark-operator", "--tail=1000", "--prefix"],
        "drivers.log": ["logs", "-n", JOBS_NAMESPACE, "-l", "spark-role=driver", "--tail=1000", "--prefix"],
    }
    for name, args in asked.items():
        done = yard.kubectl(*args, check=False)
        (folder / name).write_text(done.stdout + done.stderr)
    print(f"evidence: {folder.relative_to(ROOT)}")
