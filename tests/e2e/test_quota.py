"""The quota counts drivers by their class: they never get more than their share, while executors may take the rest."""

import json
from typing import Any

import pytest

from sparkyard.settings import parse_settings

pytestmark = pytest.mark.cluster


def ask_for(yard: Any, role: str, millicores: int, **spec: Any) -> str:
    """Why a pod that requests so much is refused; empty if it would be let in."""
    settings = yard.kube.get("/api/v1/namespaces/sparkyard/configmaps/sparkyard-defaults")["data"]["settings.yaml"]
    image = parse_settings(settings).images.spark
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    resources = {"requests": {"cpu": f"{millicores}m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}}
    container = {"name": "spark", "image": image, "resources": resources, "securityContext": security}
    pod_security = {"runAsNonRoot": True, "runAsUser": 185, "seccompProfile": {"type": "RuntimeDefault"}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "e2e-quota", "namespace": yard.namespace, "labels": {"spark-role": role}},
        "spec": {"serviceAccountName": f"spark-{role}", "containers": [container], "securityContext": pod_security, **spec},
    }
    done = yard.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod), check=False)
    return str(done.stderr) if done.returncode else ""


def test_drivers_alone_cannot_fill_a_namespace(yard: Any) -> None:
    hard = yard.kube.get(f"/api/v1/namespaces/{yard.namespace}/resourcequotas/drivers")["spec"]["hard"]["requests.cpu"]
    share = int(float(hard.removesuffix("m")) * (1 if hard.endswith("m") else 1000))
    driver = {"priorityClassName": "sparkyard-driver"}
    assert ask_for(yard, "driver", 1, **driver) == ""
    assert "exceeded quota: drivers" in ask_for(yard, "driver", share + 1, **driver)
    assert "exceeded quota: drivers" not in ask_for(yard, "executor", share + 1)


def test_all_pods_together_cannot_take_more_than_the_quota(yard: Any) -> None:
    assert "exceeded quota: jobs" in ask_for(yard, "executor", 10_000_000)


def test_a_driver_cannot_leave_its_class_to_escape(yard: Any) -> None:
    assert "must be sparkyard-driver" in ask_for(yard, "driver", 1)
