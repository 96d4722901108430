"""The lake: its Secrets as jobs read them, its data kept, each part replaceable."""

import base64
import configparser
import json
import re
from typing import Any

import pytest
from charts.render import CHARTS, CI, HelmError, list_containers, list_pods, names, pick, render, switch_off

from sparkyard.names import BUCKETS, CATALOG
from sparkyard.settings import PlatformSettings

pytestmark = pytest.mark.helm


def decode(secret: dict[str, Any]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def test_each_use_has_a_key_of_its_own_that_the_store_knows() -> None:
    objects = render(files=(CI / "everything-values.yaml",))
    users = json.loads(decode(pick(objects, "Secret", "lake-s3"))["users.json"])["accessAccounts"]
    jobs = ["spark-jobs", "team-b"]
    places = {"jobs": jobs, "ingest": jobs, "read": ["notebooks", "reports"], "history": ["sparkyard"], "airflow": ["sparkyard"]}
    for use, namespaces in places.items():
        for namespace in namespaces:
            given = decode(pick(objects, "Secret", f"lake-s3-{use}", namespace))
            user = users[given["AWS_ACCESS_KEY_ID"]]
            assert (user["access"], user["secret"], user["role"]) == (f"yard-{use}", given["AWS_SECRET_ACCESS_KEY"], "user")
    assert len({user["secret"] for user in users.values()}) == len(users) == len(places)


def test_no_workload_but_the_store_sees_its_root_key() -> None:
    for name, pod in list_pods(render()).items():
        assert "rootSecretKey" not in str(pod) or name == "Deployment/lake-s3"


@pytest.mark.parametrize(("use", "namespace"), [("jobs", "spark-jobs"), ("ingest", "team-b"), ("read", "notebooks")])
def test_each_use_gets_a_service_file_that_names_the_catalog(use: str, namespace: str) -> None:
    objects = render({"global": {"lake": {"tlsSecret": ""}}}, files=(CI / "everything-values.yaml",))
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(pick(objects, "Secret", f"lake-catalog-{use}", namespace)["stringData"]["pg_service.conf"])
    assert dict(parser[CATALOG]) == {
        "host": "lake-postgresql.sparkyard.svc",
        "port": "5432",
        "dbname": "yard",
        "user": f"yard_{use}",
        "password": decode(pick(objects, "Secret", "lake-postgresql"))[f"yard_{use}"],
    }


def test_generated_passwords_and_claims_outlive_the_release() -> None:
    objects = render()
    for kind, name in [
        ("Secret", "lake-s3"),
        ("Secret", "lake-postgresql"),
        *(("PersistentVolumeClaim", f"lake-{n}") for n in ("s3", "postgresql")),
    ]:
        assert pick(objects, kind, name)["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_each_bucket_has_a_policy_that_names_users_and_itself() -> None:
    data = pick(render(), "ConfigMap", "lake-s3")["data"]
    users = json.loads(decode(pick(render(), "Secret", "lake-s3"))["users.json"])["accessAccounts"]
    buckets = {*BUCKETS, "airflow"}
    assert {f"{bucket}.json" for bucket in buckets} == data.keys() - {"buckets.sh"}
    for bucket in buckets:
        for statement in json.loads(data[f"{bucket}.json"])["Statement"]:
            assert set(statement["Principal"]["AWS"]) <= users.keys()
            assert re.fullmatch(rf"arn:aws:s3:::{bucket}(/.*)?", statement["Resource"])


def test_other_policies_are_another_pod() -> None:
    """They are written when a pod starts."""
    assert re.fullmatch(r"[0-9a-f]{64}", list_pods(render())["Deployment/lake-s3"]["metadata"]["annotations"]["sparkyard.dev/policies"])


def test_a_volume_without_attributes_keeps_them_in_files() -> None:
    for on, folders, options in ((False, ["/data"], []), (True, ["/data/files", "/data/metadata"], ["--sidecar", "/data/metadata"])):
        spec = list_pods(render({"lake": {"s3": {"metadataFiles": on}}}))["Deployment/lake-s3"]["spec"]
        args = spec["containers"][0]["args"]
        assert args[args.index("posix") + 1 :] == [*options, folders[0]]
        assert spec["initContainers"][0]["command"][2:] == ["/etc/sparkyard", *folders]


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
    objects = render({"lake": {"postgresql": {"enabled": False}}, **switch_off("airflow")})
    assert not [name for _, name in names(objects) if "postgresql" in name or ("catalog" in name and not name.startswith("sparkyard-job"))]


def test_secrets_and_claims_of_the_sites_are_used() -> None:
    own = {"existingSecret": "mine", "existingClaim": "mine"}
    lake = {"s3": own, "postgresql": {"existingClaim": "mine"}, "backup": {"existingClaim": "mine"}}
    objects = render({"lake": lake, "global": {"lake": {"postgresqlSecret": "mine"}}})
    assert not [name for kind, name in names(objects) if kind in ("PersistentVolumeClaim", "Secret") and "lake" in name]
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
        next(job for job in render(values, kube=kube) if job["kind"] == "Job" and job["metadata"]["name"].startswith("lake-catalog-"))
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


def test_with_tls_nobody_reaches_the_database_without_it() -> None:
    objects = render(files=(CI / "everything-values.yaml",))
    pods = list_pods(objects)
    arguments = pods["StatefulSet/lake-postgresql"]["spec"]["containers"][0]["args"]
    assert {"ssl=on", "hba_file=/etc/sparkyard/pg_hba.conf"} <= set(arguments)
    rules = [line.split()[0] for line in pick(objects, "ConfigMap", "lake-catalog")["data"]["pg_hba.conf"].splitlines() if line[0] != "#"]
    assert rules == ["local", "hostssl"]
    for name in (name for name in pods if name.startswith(("Job/lake", "CronJob/lake"))):
        for container in list_containers(pods[name]):
            env = {item["name"]: item.get("value") for item in container.get("env", [])}
            assert "PGHOST" not in env or env["PGSSLMODE"] == "verify-full", name


def test_with_tls_jobs_know_the_database_and_the_store() -> None:
    objects = render(files=(CI / "everything-values.yaml",))
    secret = pick(objects, "Secret", "lake-catalog-jobs", "spark-jobs")["stringData"]
    assert "sslmode=verify-full\nsslrootcert=/etc/sparkyard/catalog/ca.crt" in secret["pg_service.conf"]
    assert "ca.crt" in secret
    assert "https://lake-s3.sparkyard.svc:7070" in pick(objects, "ConfigMap", "sparkyard-defaults")["data"]["settings.yaml"]
    assert "https://lake-s3.sparkyard.svc:7070" in pick(objects, "ConfigMap", "spark-history")["data"]["history.conf"]


def test_a_key_of_tls_is_for_the_servers_alone() -> None:
    for name, pod in list_pods(render(files=(CI / "everything-values.yaml",))).items():
        assert "tls.key" not in str(pod["spec"].get("volumes")) or name in ("Deployment/lake-s3", "StatefulSet/lake-postgresql")


def test_tls_without_trust_is_refused() -> None:
    with pytest.raises(HelmError, match=r"global\.trustedCa\.configMap"):
        render({"global": {"lake": {"tlsSecret": "lake-tls"}}})
