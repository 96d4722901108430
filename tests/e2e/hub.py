"""The smallest hub, installed for the tests of all jupyter files; how it is spoken to is scripts/bench/notebook_hub.py."""

import base64
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import yaml

from sparkyard.helm import Helm
from sparkyard.kube import forward
from sparkyard.names import JUPYTER_SERVICE, NOTEBOOK_USER_LABEL, PLATFORM_NAMESPACE
from sparkyard.project import ROOT
from sparkyard.runs.cluster_lake import open_catalog
from sparkyard.runs.values import load_images

sys.path.insert(0, str(ROOT / "scripts" / "bench"))
from notebook_hub import Answer, Hub, Kernel

__all__ = ["Answer", "Hub", "Kernel"]
Object = dict[str, Any]
CHART = ROOT / "charts" / "jupyterhub"
RELEASE = "e2e-hub"  # and its namespace
SPACE = "e2e-notebooks"
USERS = ("ann", "bob")


def make_values(images: Object, teams: Object | None = None, shares: Sequence[Object] = (), idle: Object | None = None) -> Object:
    """The smallest hub, in namespaces of its own; the lake of the platform is elsewhere."""
    small = {"notebook": {"cpu": "100m", "memory": "2Gi", "driverMemory": "512m"}, "executors": {"max": 2, "cores": 1, "memory": "512m"}}
    lake = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "sparkyard"}}}
    ports = [{"protocol": "TCP", "port": port} for port in (7070, 5432)]
    return {
        "global": {"images": images, "notebooks": {"namespace": SPACE, "teams": teams or {}}, "shares": list(shares)},
        "users": {"names": [*USERS, "cleo", "dora", "emil", "fay"]},  # each of the last four belongs to one file
        "idle": idle or {},
        "profiles": {"small": small, "medium": small, "large": small},
        "home": {"size": "100Mi"},
        "database": {"size": "100Mi"},
        "login": {"config": {"KubeSpawner": {"start_timeout": 600, "http_timeout": 600}}},  # a busy machine is no failure
        "hub": {"resources": {"requests": {"cpu": "50m", "memory": "128Mi"}}},
        "networkPolicies": {"egress": [{"to": [lake], "ports": ports}]},
    }


def read_secret(kube: Any, namespace: str, name: str) -> dict[str, str]:
    data = kube.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


@pytest.fixture(scope="session")
def hub(yard: Any) -> Iterator[Hub]:
    """Installed for these tests beside the platform, whose settings and lake it uses; taken away with all that people made."""
    helm = Helm(yard.kubeconfig)
    yard.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(make_surroundings(yard)))
    helm.upgrade(RELEASE, CHART, make_values(load_images()), RELEASE, 300)
    yard.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(make_lake_access(yard)))
    try:
        for name in ("jupyter-hub", "jupyter-proxy"):
            yard.kubectl("rollout", "status", f"deployment/{name}", "-n", RELEASE, "--timeout=240s")
        token = read_secret(yard.kube, RELEASE, "jupyter-hub")["serviceToken"]
        with forward(yard.kube, RELEASE, service=JUPYTER_SERVICE, port=8000) as port:
            yield Hub(port, token)
    finally:
        helm.uninstall(RELEASE, RELEASE, 120)
        yard.kubectl("delete", "networkpolicy", RELEASE, "-n", PLATFORM_NAMESPACE)
        yard.kubectl("delete", "namespace", RELEASE, SPACE, "--timeout=180s")
        yard.kubectl("delete", "priorityclass", "-l", NOTEBOOK_USER_LABEL)


def make_surroundings(yard: Any, shares: Sequence[Object] = ()) -> list[Object]:
    """What the release of the platform would bring: its namespace and the settings of every job."""
    found = yard.kube.get(f"/api/v1/namespaces/{PLATFORM_NAMESPACE}/configmaps/sparkyard-defaults")["data"]["settings.yaml"]
    settings = yaml.safe_dump({**yaml.safe_load(found), "shares": list(shares)})
    meta = {"name": "sparkyard-defaults", "namespace": RELEASE}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": RELEASE}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"settings.yaml": settings}},
    ]


def upgrade(yard: Any, *deployments: str, **more: Any) -> None:
    """The hub with more of make_values, or without it again."""
    Helm(yard.kubeconfig).upgrade(RELEASE, CHART, make_values(load_images(), **more), RELEASE, 300)
    for name in ("jupyter-hub", *deployments):
        yard.kubectl("rollout", "status", f"deployment/{name}", "-n", RELEASE, "--timeout=240s")


def make_lake_access(yard: Any) -> list[Object]:
    """What the lake gives to the notebooks of its own release: the reading role's Secrets here, and a door there."""
    keys, roles = (read_secret(yard.kube, PLATFORM_NAMESPACE, name) for name in ("lake-s3", "lake-postgresql"))
    service = (
        f"[yard]\nhost=lake-postgresql.{PLATFORM_NAMESPACE}.svc\nport=5432\ndbname=yard\nuser=yard_read\npassword={roles['yard_read']}\n"
    )
    door = {"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": SPACE}}}]}
    names = {"matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "In", "values": ["lake-s3", "lake-postgresql"]}]}
    return [
        make_secret("lake-s3-read", {"AWS_ACCESS_KEY_ID": "yard-read", "AWS_SECRET_ACCESS_KEY": keys["read"]}),
        make_secret("lake-catalog-read", {"pg_service.conf": service}),
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": RELEASE, "namespace": PLATFORM_NAMESPACE},
            "spec": {"podSelector": names, "policyTypes": ["Ingress"], "ingress": [door]},
        },
    ]


def make_secret(name: str, data: dict[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": SPACE}, "stringData": data}


@pytest.fixture(scope="session")
def kernels(hub: Hub) -> Iterator[dict[str, Kernel]]:
    """A server and a kernel for each person, started at the same time."""
    for user in USERS:
        hub.start(user)
    for user in USERS:
        hub.wait_for_server(user)
    opened = {user: hub.open_kernel(user) for user in USERS}
    yield opened
    for user, kernel in opened.items():
        kernel.close()
        hub.stop(user)


def ensure_events(yard: Any) -> None:
    """The table that courses 03 and 06 read: other tests drop it, and its application stays."""
    with open_catalog(yard.kube) as catalog:
        there = catalog.table_exists("refined.events_windows")
    if not there:
        yard.wait_for_end(yard.apply(ROOT / "manifests/jobs/events-windows.yaml"))


def list_executors(yard: Any, user: str) -> list[Object]:
    """Of every phase: one that has ended is to be gone as well."""
    selector = f"{NOTEBOOK_USER_LABEL}={user},spark-role=executor"
    return list(yard.kube.list(f"/api/v1/namespaces/{SPACE}/pods", labelSelector=selector))


def wait_for_no_executors(yard: Any, user: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while left := list_executors(yard, user):
        assert time.monotonic() < deadline, f"{[pod['metadata']['name'] for pod in left]} after {seconds:.0f} s"
        time.sleep(1)
