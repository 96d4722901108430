"""The smallest hub that the tests install; how it is spoken to is scripts/bench/notebook_hub.py."""

import base64
import sys
from typing import Any

from sparkyard.project import ROOT

sys.path.insert(0, str(ROOT / "scripts" / "bench"))
from notebook_hub import Answer, Hub, Kernel

__all__ = ["Answer", "Hub", "Kernel", "make_values", "read_secret"]


Object = dict[str, Any]
RELEASE = "e2e-hub"  # and its namespace
SPACE = "e2e-notebooks"
USERS = ("ann", "bob")


def make_values(images: Object) -> Object:
    """The smallest hub, in namespaces of its own; the lake of the platform is elsewhere."""
    small = {"notebook": {"cpu": "100m", "memory": "2Gi", "driverMemory": "512m"}, "executors": {"max": 2, "cores": 1, "memory": "512m"}}
    lake = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "sparkyard"}}}
    ports = [{"protocol": "TCP", "port": port} for port in (7070, 5432)]
    return {
        "global": {"images": images},
        "namespace": SPACE,
        "users": {"names": list(USERS)},
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
