"""The operator: bounded to the job namespaces, failing closed, with a certificate it looks after or is restarted for."""

from typing import Any

import pytest
from charts.render import CI, list_pods, names, pick, render

pytestmark = pytest.mark.helm
Object = dict[str, Any]
TWO = {"global": {"jobs": {"namespaces": ["spark-jobs", "team-b"]}}}
WEBHOOK = "spark-operator-webhook"


def flags(objects: list[Object], deployment: str) -> dict[str, str]:
    [container] = pick(objects, "Deployment", deployment)["spec"]["template"]["spec"]["containers"]
    return dict(argument.removeprefix("--").partition("=")[::2] for argument in container["args"] if argument.startswith("--"))


def test_it_watches_the_job_namespaces_and_has_rights_only_there() -> None:
    objects = render(TWO)
    for part in ("spark-operator-controller", WEBHOOK):
        assert flags(objects, part)["namespaces"] == "spark-jobs,team-b"
        for namespace in ("spark-jobs", "team-b", "sparkyard"):
            assert pick(objects, "RoleBinding", part, namespace)["subjects"][0]["namespace"] == "sparkyard"


def test_cluster_wide_it_may_touch_its_own_webhook_configurations_only() -> None:
    roles = [item for item in render() if item["kind"] == "ClusterRole" and item["metadata"]["name"].startswith("spark-operator")]
    [rule] = [rule for role in roles for rule in role["rules"]]
    assert rule["resourceNames"] == [WEBHOOK]
    assert rule["resources"] == ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"]


def test_it_reads_one_secret() -> None:
    rules = [
        rule
        for item in render()
        if item["kind"] == "Role" and item["metadata"]["name"].startswith("spark-operator")
        for rule in item["rules"]
    ]
    assert [rule.get("resourceNames") for rule in rules if "secrets" in rule["resources"]] == [["spark-operator-webhook-certs"]]
    assert not any("*" in rule["verbs"] or "*" in rule["resources"] for rule in rules)


def test_it_is_tuned() -> None:
    given = flags(render(), "spark-operator-controller")
    assert given["driver-pod-creation-grace-period"] == "60s"
    assert int(given["controller-threads"]) == 10
    assert float(given["kube-api-qps"]) > 20
    assert given["leader-election"] == "true"
    assert given["metrics-bind-address"] == ":8080"


def test_its_webhooks_fail_closed_for_job_namespaces_only() -> None:
    objects = render(TWO)
    hooks = [hook for kind in ("Mutating", "Validating") for hook in pick(objects, f"{kind}WebhookConfiguration", WEBHOOK)["webhooks"]]
    assert len(hooks) == 7
    for hook in hooks:
        assert hook["failurePolicy"] == "Fail"
        assert hook["namespaceSelector"]["matchExpressions"][0]["values"] == ["spark-jobs", "team-b"]
        assert "caBundle" not in hook["clientConfig"], "the operator writes it; a chart that does would undo it at every upgrade"
    conditions = [hook["matchConditions"] for hook in hooks if hook["rules"][0]["resources"] != ["pods"]]
    assert all("object.spec != oldObject.spec" in condition["expression"] for [condition] in conditions)
    [pods] = [hook for hook in hooks if hook["rules"][0]["resources"] == ["pods"]]
    assert pods["objectSelector"]["matchLabels"] == {"sparkoperator.k8s.io/launched-by-spark-operator": "true"}


def test_two_webhooks_and_a_budget_are_the_rule() -> None:
    objects = render()
    assert pick(objects, "Deployment", WEBHOOK)["spec"]["replicas"] == 2
    assert pick(objects, "PodDisruptionBudget", WEBHOOK)["spec"]["minAvailable"] == 1
    assert ("PodDisruptionBudget", "sparkyard/spark-operator-controller") in names(
        render({"spark-operator": {"controller": {"replicas": 2}}})
    )


def test_the_submitting_jvm_can_write_where_it_must() -> None:
    [container] = list_pods(render())["Deployment/spark-operator-controller"]["spec"]["containers"]
    assert {"/tmp", "/home/spark", "/opt/spark/work-dir"} == {mount["mountPath"] for mount in container["volumeMounts"]}


def test_with_cert_manager_a_renewed_certificate_restarts_the_webhook() -> None:
    objects = render(files=(CI / "everything-values.yaml",))
    certificate = pick(objects, "Certificate", "spark-operator-webhook-certs")
    assert certificate["spec"]["dnsNames"] == ["spark-operator-webhook.sparkyard.svc"]
    spec = list_pods(objects)[f"Deployment/{WEBHOOK}"]["spec"]
    [container] = spec["containers"]
    assert "/issued/tls.crt" in container["livenessProbe"]["exec"]["command"][-1]
    assert {"name": "issued", "secret": {"secretName": certificate["spec"]["secretName"]}} in spec["volumes"]
    assert flags(objects, WEBHOOK)["enable-cert-manager"] == "true"
    assert ("Secret", "sparkyard/spark-operator-webhook-certs") not in names(objects)
    assert ("ClusterRole", WEBHOOK) not in names(objects), "cert-manager writes the authority, the operator need not"


def test_a_sites_own_issuer_takes_the_place_of_ours() -> None:
    issuer = {"kind": "ClusterIssuer", "name": "site"}
    objects = render({"spark-operator": {"certManager": {"enabled": True, "issuerRef": issuer}}})
    assert pick(objects, "Certificate", "spark-operator-webhook-certs")["spec"]["issuerRef"] == issuer
    assert not [item for item in objects if item["kind"] == "Issuer"]
