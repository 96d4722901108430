"""What pods may be in a job namespace, with Pod Security switched off: our policies alone refuse."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.cluster
LEVEL = "pod-security.kubernetes.io/enforce"


@pytest.fixture(scope="module")
def open_namespace(yard: Any) -> Iterator[None]:
    """Pod Security off in the job namespace."""
    before = yard.kube.get(f"/api/v1/namespaces/{yard.namespace}")["metadata"]["labels"][LEVEL]
    yard.kubectl("label", "namespace", yard.namespace, f"{LEVEL}=privileged", "--overwrite")
    yield
    yard.kubectl("label", "namespace", yard.namespace, f"{LEVEL}={before}", "--overwrite")


@pytest.fixture(scope="module")
def driver(yard: Any, settings: Path) -> dict[str, Any]:
    """A pod that is allowed: what the platform's own template says, with its image and account."""
    template = yaml.safe_load(yard.sparkyard("pod-template", "driver", "--settings", str(settings)).stdout)
    spec = template["spec"] | {"serviceAccountName": "spark-driver"}
    spec["containers"][0]["image"] = yaml.safe_load(settings.read_text())["images"]["spark"]
    labels = {"spark-role": "driver"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe", "namespace": yard.namespace, "labels": labels}, "spec": spec}


def refuse(yard: Any, pod: dict[str, Any]) -> str:
    done = yard.kubectl("create", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(pod), check=False)
    assert done.returncode != 0, "it was let in"
    return str(done.stderr)


def change(pod: dict[str, Any], **spec: Any) -> dict[str, Any]:
    changed = copy.deepcopy(pod)
    changed["spec"] |= spec
    return changed


def test_the_platforms_own_pod_is_let_in(yard: Any, open_namespace: None, driver: dict[str, Any]) -> None:
    yard.kubectl("create", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(driver))


def test_a_foreign_image_is_refused(yard: Any, open_namespace: None, driver: dict[str, Any]) -> None:
    container = driver["spec"]["containers"][0] | {"image": "docker.io/library/busybox:1"}
    words = refuse(yard, change(driver, containers=[container]))
    assert "ValidatingAdmissionPolicy" in words
    assert "busybox" in words


def test_a_foreign_service_account_is_refused(yard: Any, open_namespace: None, driver: dict[str, Any]) -> None:
    assert "ValidatingAdmissionPolicy" in refuse(yard, change(driver, serviceAccountName="default"))


@pytest.mark.parametrize("how", ["volume", "projected", "env", "envFrom"])
def test_a_secret_that_is_not_listed_is_refused(yard: Any, open_namespace: None, driver: dict[str, Any], how: str) -> None:
    container = copy.deepcopy(driver["spec"]["containers"][0])
    volumes = copy.deepcopy(driver["spec"].get("volumes", []))
    if how == "volume":
        volumes.append({"name": "x", "secret": {"secretName": "others"}})
    elif how == "projected":
        volumes.append({"name": "x", "projected": {"sources": [{"secret": {"name": "others"}}]}})
    elif how == "env":
        container.setdefault("env", []).append({"name": "X", "valueFrom": {"secretKeyRef": {"name": "others", "key": "k"}}})
    else:
        container.setdefault("envFrom", []).append({"secretRef": {"name": "others"}})
    assert "ValidatingAdmissionPolicy" in refuse(yard, change(driver, containers=[container], volumes=volumes))


def test_the_nodes_disk_is_refused(yard: Any, open_namespace: None, driver: dict[str, Any]) -> None:
    volumes = [*driver["spec"].get("volumes", []), {"name": "x", "hostPath": {"path": "/"}}]
    assert "ValidatingAdmissionPolicy" in refuse(yard, change(driver, volumes=volumes))


@pytest.mark.parametrize("field", ["hostNetwork", "hostPID", "hostIPC"])
def test_the_nodes_namespaces_are_refused(yard: Any, open_namespace: None, driver: dict[str, Any], field: str) -> None:
    assert "ValidatingAdmissionPolicy" in refuse(yard, change(driver, **{field: True}))


def test_a_privileged_container_is_refused(yard: Any, open_namespace: None, driver: dict[str, Any]) -> None:
    container = driver["spec"]["containers"][0] | {"securityContext": {"privileged": True}}
    assert "ValidatingAdmissionPolicy" in refuse(yard, change(driver, containers=[container]))


def test_a_chosen_node_is_refused(yard: Any, open_namespace: None, driver: dict[str, Any]) -> None:
    assert "ValidatingAdmissionPolicy" in refuse(yard, change(driver, nodeName="sparkyard"))


def test_a_foreign_priority_is_refused(yard: Any, open_namespace: None, driver: dict[str, Any]) -> None:
    assert "ValidatingAdmissionPolicy" in refuse(yard, change(driver, priorityClassName="system-node-critical"))
