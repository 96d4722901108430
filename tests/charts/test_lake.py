"""The lake: its Secrets as jobs read them, its data kept, each part replaceable."""

import base64
import configparser
from typing import Any

import pytest
from charts.render import CHARTS, CI, list_pods, names, pick, render

from sparkyard.names import BUCKETS, CATALOG, CATALOG_SECRET, S3_SECRET
from sparkyard.settings import PlatformSettings

pytestmark = pytest.mark.helm


def decode(secret: dict[str, Any]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def test_jobs_get_the_stores_key_in_each_namespace() -> None:
    objects = render(files=(CI / "everything-values.yaml",))
    root = decode(pick(objects, "Secret", "lake-s3"))
    for namespace in ("spark-jobs", "team-b"):
        given = decode(pick(objects, "Secret", S3_SECRET, namespace))
        assert given == {"AWS_ACCESS_KEY_ID": root["rootAccessKey"], "AWS_SECRET_ACCESS_KEY": root["rootSecretKey"]}
    assert len(root["rootSecretKey"]) == 40


def test_jobs_get_a_service_file_that_names_the_catalog() -> None:
    objects = render()
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(pick(objects, "Secret", CATALOG_SECRET, "spark-jobs")["stringData"]["pg_service.conf"])
    assert dict(parser[CATALOG]) == {
        "host": "lake-postgresql.sparkyard.svc",
        "port": "5432",
        "dbname": "yard",
        "user": "yard_jobs",
        "password": decode(pick(objects, "Secret", "lake-postgresql"))["yard_jobs"],
    }


def test_generated_passwords_and_claims_outlive_the_release() -> None:
    objects = render()
    for kind, name in [
        ("Secret", "lake-s3"),
        ("Secret", "lake-postgresql"),
        *(("PersistentVolumeClaim", f"lake-{n}") for n in ("s3", "postgresql")),
    ]:
        assert pick(objects, kind, name)["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_each_bucket_is_made() -> None:
    [container] = list_pods(render())["Deployment/lake-s3"]["spec"]["initContainers"]
    assert container["command"] == ["mkdir", "-p", *(f"/data/{bucket}" for bucket in BUCKETS)]


def test_the_store_answers_where_jobs_look() -> None:
    objects = render()
    settings = PlatformSettings()
    [port] = pick(objects, "Service", "lake-s3")["spec"]["ports"]
    assert settings.lake.s3.endpoint == f"http://lake-s3.sparkyard.svc:{port['port']}"


def test_a_store_of_the_sites_takes_its_place() -> None:
    objects = render({"global": {"s3": {"endpoint": "https://s3.example.com"}}})
    assert not [name for _, name in names(objects) if "lake-s3" in name]
    assert "https://s3.example.com" in pick(objects, "ConfigMap", "sparkyard-defaults")["data"]["settings.yaml"]


def test_a_database_of_the_sites_takes_its_place() -> None:
    objects = render({"lake": {"postgresql": {"enabled": False}}})
    assert not [name for _, name in names(objects) if "postgresql" in name or ("catalog" in name and not name.startswith("sparkyard-job"))]


def test_secrets_and_claims_of_the_sites_are_used() -> None:
    own = {"existingSecret": "mine", "existingClaim": "mine"}
    objects = render({"lake": {"s3": own, "postgresql": own}})
    assert not [item for item in objects if item["kind"] == "PersistentVolumeClaim"]
    assert not [name for kind, name in names(objects) if kind == "Secret" and "lake" in name]
    for workload in ("Deployment/lake-s3", "StatefulSet/lake-postgresql"):
        text = str(list_pods(objects)[workload])
        assert "'claimName': 'mine'" in text
        assert "'mine'" in text.replace("'claimName': 'mine'", "")


@pytest.mark.parametrize(
    "other", [{"images": {"postgres": "other:2"}}, {"nodeSelector": {"disk": "ssd"}}, {"imagePullSecrets": ["registry"]}]
)
def test_another_pod_is_another_job(other: dict[str, Any]) -> None:
    """A Job cannot be changed: an upgrade that tried would fail."""
    first, again, changed = (
        next(item for item in render(values, kube=kube) if item["kind"] == "Job")
        for values, kube in [({}, "1.35.4"), ({}, "1.36.3"), ({"global": other}, "1.35.4")]
    )
    assert first["metadata"]["name"] == again["metadata"]["name"] != changed["metadata"]["name"]
    assert first["spec"]["template"] == again["spec"]["template"] != changed["spec"]["template"]


def test_the_sql_of_the_chart_is_what_runs() -> None:
    sql = (CHARTS / "lake/files/catalog.sql").read_text()
    assert pick(render(), "ConfigMap", "lake-catalog")["data"]["catalog.sql"].strip() == sql.strip()


def test_only_drivers_reach_the_database() -> None:
    [rule] = pick(render(), "NetworkPolicy", "lake-postgresql", "sparkyard")["spec"]["ingress"]
    assert rule["from"][0]["podSelector"] == {"matchExpressions": [{"key": "spark-role", "operator": "In", "values": ["driver"]}]}
    assert rule["ports"] == [{"protocol": "TCP", "port": "postgresql"}]
