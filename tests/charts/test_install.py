"""What an installation consists of: written down once, so that nothing comes or goes unnoticed."""

from typing import Any

import pytest
from charts.render import CI, IMAGES, PRESETS, list_containers, list_pods, load_crds, names, render

from sparkyard import names as known

pytestmark = pytest.mark.helm
Object = dict[str, Any]

DEFAULT = """
Namespace sparkyard
Namespace spark-jobs
NetworkPolicy sparkyard/default-deny

Deployment sparkyard/spark-operator-controller
Deployment sparkyard/spark-operator-webhook
Service sparkyard/spark-operator-webhook
Secret sparkyard/spark-operator-webhook-certs
MutatingWebhookConfiguration spark-operator-webhook
ValidatingWebhookConfiguration spark-operator-webhook
PodDisruptionBudget sparkyard/spark-operator-webhook
ServiceAccount sparkyard/spark-operator-controller
ServiceAccount sparkyard/spark-operator-webhook
ClusterRole spark-operator-webhook
ClusterRoleBinding spark-operator-webhook
Role sparkyard/spark-operator-controller
Role sparkyard/spark-operator-webhook
Role spark-jobs/spark-operator-controller
Role spark-jobs/spark-operator-webhook
RoleBinding sparkyard/spark-operator-controller
RoleBinding sparkyard/spark-operator-webhook
RoleBinding spark-jobs/spark-operator-controller
RoleBinding spark-jobs/spark-operator-webhook
NetworkPolicy sparkyard/spark-operator-controller
NetworkPolicy sparkyard/spark-operator-webhook

ServiceAccount spark-jobs/spark-driver
ServiceAccount spark-jobs/spark-executor
ServiceAccount spark-jobs/spark-submit
Role spark-jobs/spark-driver
Role spark-jobs/spark-submit
RoleBinding spark-jobs/spark-driver
RoleBinding spark-jobs/spark-submit
PriorityClass sparkyard-driver
ResourceQuota spark-jobs/jobs
ResourceQuota spark-jobs/drivers
LimitRange spark-jobs/containers
Secret spark-jobs/spark-rpc
NetworkPolicy spark-jobs/default-deny
NetworkPolicy spark-jobs/dns
NetworkPolicy spark-jobs/spark
NetworkPolicy spark-jobs/driver
ValidatingAdmissionPolicy sparkyard-job-images
ValidatingAdmissionPolicy sparkyard-job-accounts
ValidatingAdmissionPolicy sparkyard-job-secrets
ValidatingAdmissionPolicy sparkyard-job-host
ValidatingAdmissionPolicy sparkyard-job-scheduling
ValidatingAdmissionPolicy sparkyard-job-services
ValidatingAdmissionPolicyBinding sparkyard-job-images
ValidatingAdmissionPolicyBinding sparkyard-job-accounts
ValidatingAdmissionPolicyBinding sparkyard-job-secrets
ValidatingAdmissionPolicyBinding sparkyard-job-host
ValidatingAdmissionPolicyBinding sparkyard-job-scheduling
ValidatingAdmissionPolicyBinding sparkyard-job-services

Deployment sparkyard/lake-s3
StatefulSet sparkyard/lake-postgresql
Job sparkyard/lake-catalog-*
ConfigMap sparkyard/lake-catalog
Service sparkyard/lake-s3
Service sparkyard/lake-postgresql
PersistentVolumeClaim sparkyard/lake-s3
PersistentVolumeClaim sparkyard/lake-postgresql
Secret sparkyard/lake-s3
Secret sparkyard/lake-postgresql
Secret sparkyard/lake-s3-history
Secret spark-jobs/lake-s3-jobs
Secret spark-jobs/lake-s3-ingest
Secret spark-jobs/lake-catalog-jobs
Secret spark-jobs/lake-catalog-ingest
ConfigMap sparkyard/lake-s3
NetworkPolicy sparkyard/lake-s3
NetworkPolicy sparkyard/lake-postgresql
NetworkPolicy sparkyard/lake-catalog
CronJob sparkyard/lake-backup
CronJob sparkyard/lake-restore
ConfigMap sparkyard/lake-backup
PersistentVolumeClaim sparkyard/lake-backup
NetworkPolicy sparkyard/lake-backup

Deployment sparkyard/sparkyard-defaults
Service sparkyard/sparkyard-defaults
ConfigMap sparkyard/sparkyard-defaults
ConfigMap sparkyard/sparkyard-defaults-revisions
Secret sparkyard/sparkyard-defaults-tls
MutatingWebhookConfiguration sparkyard-defaults
PodDisruptionBudget sparkyard/sparkyard-defaults
ServiceAccount sparkyard/sparkyard-defaults
ClusterRole sparkyard-defaults
ClusterRoleBinding sparkyard-defaults
Role sparkyard/sparkyard-defaults
RoleBinding sparkyard/sparkyard-defaults
NetworkPolicy sparkyard/sparkyard-defaults

Deployment sparkyard/spark-history
Service sparkyard/spark-history
ConfigMap sparkyard/spark-history
NetworkPolicy sparkyard/spark-history
"""
BLOCKS = [{tuple(line.split()) for line in block.splitlines()} for block in DEFAULT.strip().split("\n\n")]
PARTS = dict(zip(["umbrella", "spark-operator", "jobs", "lake", "defaults", "history"], BLOCKS, strict=True))


def listed(objects: list[Object]) -> set[tuple[str, ...]]:
    """With the hash in the catalog Job's name as a star."""
    return {(kind, "sparkyard/lake-catalog-*" if kind == "Job" else name) for kind, name in names(objects)}


def test_the_default_installation_is_what_is_written_down() -> None:
    objects = render()
    assert listed(objects) == set().union(*PARTS.values())
    assert len(objects) == len(names(objects)), "an object is rendered twice"


@pytest.mark.parametrize("part", ["spark-operator", "jobs", "lake", "defaults", "history"])
def test_what_is_switched_off_is_absent(part: str) -> None:
    switched_off = PARTS[part] | ({("Namespace", "spark-jobs")} if part == "jobs" else set())
    assert listed(render({part: {"enabled": False}})) == set().union(*PARTS.values()) - switched_off


def test_crds_come_with_the_release_only_when_asked_for() -> None:
    crds = [item for item in render({"crds": {"enabled": True}}) if item["kind"] == "CustomResourceDefinition"]
    assert {crd["spec"]["names"]["kind"] for crd in crds} == {"SparkApplication", "ScheduledSparkApplication", "SparkConnect"}
    assert all(crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for crd in crds)
    assert [crd["spec"] for crd in crds] == [crd["spec"] for crd in load_crds()], "their text passes through Helm unchanged"


def test_namespaces_enforce_restricted_and_outlive_the_release() -> None:
    for item in (item for item in render() if item["kind"] == "Namespace"):
        assert item["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
        assert item["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert not [item for item in render({"global": {"createNamespaces": False}}) if item["kind"] == "Namespace"]


@pytest.mark.parametrize("scenario", sorted(CI.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_object_says_whose_it_is_and_no_selector_holds_a_version(scenario: Any) -> None:
    for item in render(files=(scenario,)):
        if item["kind"] != "CustomResourceDefinition":
            assert item["metadata"]["labels"]["app.kubernetes.io/part-of"] == "sparkyard", item["metadata"]["name"]
            assert item["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
        selector = item.get("spec", {}).get("selector") or {}
        labels = selector.get("matchLabels", selector)
        assert not {"helm.sh/chart", "app.kubernetes.io/version"} & labels.keys()


def test_names_are_those_that_the_command_line_knows() -> None:
    found = names(render())
    jobs = known.JOBS_NAMESPACE
    expected = {("Namespace", jobs), ("Namespace", known.PLATFORM_NAMESPACE), ("PriorityClass", known.DRIVER_PRIORITY_CLASS)}
    expected |= {("Secret", f"{jobs}/{name}") for name in (known.S3_SECRET, known.S3_INGEST_SECRET, known.CATALOG_SECRET, known.RPC_SECRET)}
    expected |= {("ServiceAccount", f"{jobs}/{name}") for name in (known.DRIVER_ACCOUNT, known.EXECUTOR_ACCOUNT, known.SUBMIT_ACCOUNT)}
    assert expected <= found


def test_small_node_leaves_half_of_two_cores_to_jobs() -> None:
    objects = render(files=(IMAGES, PRESETS / "small-node.yaml"))
    cores = sum(
        cpu(container["resources"]["requests"]["cpu"]) * item["spec"].get("replicas", 1)
        for item in (item for item in objects if item["kind"] in ("Deployment", "StatefulSet", "Job"))
        for container in item["spec"]["template"]["spec"]["containers"]
    )
    assert cores <= 0.5
    assert not [item for item in objects if item["kind"] == "PodDisruptionBudget"], "a budget over one replica blocks every drain"


def test_everything_is_one_installation_with_notebooks_that_read_the_lake() -> None:
    found = names(render(files=(IMAGES, PRESETS / "everything.yaml")))
    assert {("Deployment", f"{known.PLATFORM_NAMESPACE}/{name}") for name in ("jupyter-hub", "airflow-api-server")} <= found
    assert [name for kind, name in found if kind == "Secret" and name.startswith("spark-notebooks/lake-s3")]


def cpu(quantity: str) -> float:
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def test_every_image_comes_from_the_values() -> None:
    images = {c["image"] for pod in list_pods(render()).values() for c in list_containers(pod)}
    assert all(image.startswith("registry.example.com/sparkyard/") for image in images)
