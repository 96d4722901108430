"""The platform as it stands: every rule compiles, every pod is well, nobody is refused what it needs."""

from typing import Any

import pytest

from sparkyard.names import PLATFORM_NAMESPACE

pytestmark = pytest.mark.cluster
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"


def test_every_policy_is_well_typed(yard: Any) -> None:
    policies = [item for item in yard.kube.list(POLICIES) if item["metadata"]["name"].startswith("sparkyard-")]
    assert len(policies) == 7
    for policy in policies:
        assert policy["status"]["observedGeneration"] == policy["metadata"]["generation"], "the controller manager has not looked at it yet"
        assert "expressionWarnings" not in policy["status"]["typeChecking"], policy["metadata"]["name"]


def test_the_operator_has_the_rights_it_asks_for(yard: Any) -> None:
    for name in ("controller", "webhook"):
        log = yard.kubectl("logs", "-n", PLATFORM_NAMESPACE, f"deployment/spark-operator-{name}").stdout
        refused = [line for line in log.splitlines() if "forbidden" in line and "admission" not in line]
        assert not refused, refused[:3]


def test_the_operator_serves_its_metrics(yard: Any) -> None:
    for name in ("controller", "webhook"):
        [pod, *_] = yard.kube.list(
            f"/api/v1/namespaces/{PLATFORM_NAMESPACE}/pods", labelSelector=f"app.kubernetes.io/name=spark-operator-{name}"
        )
        path = f"/api/v1/namespaces/{PLATFORM_NAMESPACE}/pods/{pod['metadata']['name']}:8080/proxy/metrics"
        assert "controller_runtime_" in yard.kubectl("get", "--raw", path).stdout


def test_the_webhooks_authority_is_in_place(yard: Any) -> None:
    for kind in ("mutating", "validating"):
        path = f"/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations/spark-operator-webhook"
        assert all(hook["clientConfig"].get("caBundle") for hook in yard.kube.get(path)["webhooks"])
