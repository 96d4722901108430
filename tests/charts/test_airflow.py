"""The chart airflow: what it may, and what is only there when asked for."""

import base64
import json
from typing import Any

import pytest
from charts.render import HelmError, list_containers, list_pods, names, pick, render

pytestmark = pytest.mark.helm
Object = dict[str, Any]
PROCESSES = (
    "Deployment/airflow-api-server",
    "Deployment/airflow-dag-processor",
    "StatefulSet/airflow-scheduler",
    "StatefulSet/airflow-triggerer",
)


def bring(values: Object | None = None, **options: Any) -> list[Object]:
    return render(values, chart="airflow", **options)


def env(container: Object) -> dict[str, str]:
    return {item["name"]: item.get("value", "") for item in container["env"]}


def test_another_version_is_another_migration_and_another_pod_waits_for_it() -> None:
    first, again, other = (bring({"global": {"images": {"airflow": image}}}) for image in ("a:1", "a:1", "a:2"))
    jobs = [{name for kind, name in names(objects) if kind == "Job"} for objects in (first, again, other)]
    assert jobs[0] == jobs[1] != jobs[2]
    for name in PROCESSES:
        [wait] = list_pods(first)[name]["spec"]["initContainers"]
        assert wait["args"][:2] == ["db", "check-migrations"], name


def test_its_rights_are_applications_and_a_look_at_pods_in_job_namespaces() -> None:
    objects = bring({"global": {"jobs": {"namespaces": ["spark-jobs", "team-b"]}}})
    roles = [item for item in objects if item["kind"] in ("Role", "ClusterRole")]
    assert {role["metadata"]["namespace"] for role in roles} == {"spark-jobs", "team-b"}
    for role in roles:
        rights = {resource: sorted(rule["verbs"]) for rule in role["rules"] for resource in rule["resources"]}
        assert rights == {
            "sparkapplications": ["create", "delete", "get", "patch"],
            "pods": ["get", "list"],
            "pods/log": ["get"],
            "events": ["list"],
        }


def test_only_who_speaks_to_the_cluster_has_a_token() -> None:
    pods = list_pods(bring())
    holders = {name for name, pod in pods.items() if pod["spec"]["automountServiceAccountToken"]}
    assert holders == {"StatefulSet/airflow-scheduler", "StatefulSet/airflow-triggerer"}


def test_passwords_and_keys_are_made_kept_and_fit() -> None:
    data = {key: base64.b64decode(value).decode() for key, value in pick(bring(), "Secret", "airflow")["data"].items()}
    assert json.loads(data["passwords.json"]).keys() == {"admin"}
    assert len(base64.urlsafe_b64decode(data["fernet-key"])) == 32
    users = pick(bring({"login": {"users": "ann:admin,bob:viewer"}}), "Secret", "airflow")
    assert json.loads(base64.b64decode(users["data"]["passwords.json"])).keys() == {"ann", "bob"}
    assert ("Secret", "sparkyard/own") not in names(bring({"login": {"existingSecret": "own"}}))


def test_a_database_of_the_site_needs_nothing_of_the_lake() -> None:
    own = bring({"database": {"host": "db.example.com", "sslMode": "require"}})
    for name, pod in list_pods(own).items():
        for container in list_containers(pod):
            assert (env(container)["PGHOST"], env(container)["PGSSLMODE"]) == ("db.example.com", "require"), name
    assert "initContainers" not in next(pod for name, pod in list_pods(own).items() if name.startswith("Job/"))["spec"]
    assert "lake-postgresql" not in json.dumps([item for item in own if item["kind"] == "NetworkPolicy"])


def test_the_lake_s_database_is_opened_by_the_lake_s_own_secret() -> None:
    for name, values in (("lake-postgresql", {}), ("mine", {"global": {"lake": {"postgresqlSecret": "mine"}}})):
        [job] = [pod for title, pod in list_pods(bring(values)).items() if title.startswith("Job/")]
        [found] = [item for item in job["spec"]["initContainers"][0]["env"] if item["name"] == "POSTGRES_PASSWORD"]
        assert found["valueFrom"]["secretKeyRef"] == {"name": name, "key": "postgres"}


def test_where_the_lake_has_tls_the_database_is_known_by_name() -> None:
    for name, pod in list_pods(bring({"global": {"lake": {"tlsSecret": "lake-tls"}}})).items():
        for container in list_containers(pod):
            assert (env(container)["PGSSLMODE"], env(container)["PGSSLROOTCERT"]) == ("verify-full", "/etc/sparkyard/database/ca.crt"), name
            assert "ca" in {mount["name"] for mount in container["volumeMounts"]}, name


def test_logs_stay_in_claims_or_in_one_of_the_site() -> None:
    claims = pick(bring(), "StatefulSet", "airflow-scheduler")["spec"]["volumeClaimTemplates"]
    assert claims[0]["spec"]["resources"]["requests"]["storage"] == "5Gi"
    shared = bring({"logs": {"claim": "everybody"}})
    assert "volumeClaimTemplates" not in pick(shared, "StatefulSet", "airflow-scheduler")["spec"]
    for name in PROCESSES:
        assert {"name": "logs", "persistentVolumeClaim": {"claimName": "everybody"}} in list_pods(shared)[name]["spec"]["volumes"], name


def test_a_pod_for_each_task_is_restricted_too() -> None:
    import yaml

    objects = bring({"executor": "KubernetesExecutor"})
    pod = yaml.safe_load(pick(objects, "ConfigMap", "airflow-task")["data"]["pod.yaml"])
    [container] = pod["spec"]["containers"]
    assert container["name"] == "base", "Airflow finds it by this name"
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert {(item["kind"], item["metadata"]["namespace"]) for item in objects if item["kind"] == "Role"} == {
        ("Role", "spark-jobs"),
        ("Role", "sparkyard"),
    }
    with pytest.raises(HelmError, match="executor"):
        bring({"executor": "CeleryExecutor"})


def test_an_airflow_of_the_site_gets_the_same_rights_and_nothing_else() -> None:
    account = {"name": "airflow-worker", "namespace": "theirs"}
    objects = bring({"rightsOnly": True, "accounts": [account]}, files=())
    role = {(kind, "spark-jobs/airflow") for kind in ("Role", "RoleBinding")}
    assert names(objects) == {("ServiceAccount", "sparkyard/airflow"), *role}
    assert pick(objects, "Role", "airflow")["rules"] == pick(bring(), "Role", "airflow")["rules"]
    subjects = pick(objects, "RoleBinding", "airflow")["subjects"]
    assert [subject["name"] for subject in subjects] == ["airflow", "airflow-worker"]
    assert account.items() <= subjects[1].items()
    tasks = bring({"podTasks": {"namespace": "tasks"}, "accounts": [account]})
    assert len(pick(tasks, "RoleBinding", "airflow-task", "spark-jobs")["subjects"]) == 1, "a pod that submits has its own"


def rules(objects: list[Object], namespace: str, name: str) -> dict[str, list[str]]:
    return {resource: rule["verbs"] for rule in pick(objects, "Role", name, namespace)["rules"] for resource in rule["resources"]}


def test_pods_of_tasks_are_made_only_where_the_site_lets() -> None:
    objects = bring({"podTasks": {"namespace": "tasks"}})
    assert set(names(objects)) - set(names(bring())) == {
        ("Namespace", "tasks"),
        ("ServiceAccount", "tasks/airflow-task"),
        ("Role", "tasks/airflow"),
        ("RoleBinding", "tasks/airflow"),
        ("Role", "spark-jobs/airflow-task"),
        ("RoleBinding", "spark-jobs/airflow-task"),
        ("ConfigMap", "sparkyard/airflow-pods"),
        ("NetworkPolicy", "tasks/airflow-task"),
        *[item for item in names(objects) if item[0] == "Job"],
    }
    assert rules(objects, "tasks", "airflow")["pods"] == ["get", "list", "watch", "create", "patch", "delete"]
    assert rules(objects, "spark-jobs", "airflow")["pods"] == ["get", "list"], "Airflow itself makes no pods among jobs"
    submits = rules(objects, "spark-jobs", "airflow-task")
    assert submits.pop("sparkapplications") == ["get", "list", "watch", "create", "patch", "delete"]
    assert all(set(verbs) <= {"get", "list"} for verbs in submits.values())
    assert "spark.yaml" not in pick(objects, "ConfigMap", "airflow-pods")["data"]


def test_a_pod_that_is_a_driver_is_what_the_platform_demands() -> None:
    import yaml

    objects = bring({"podTasks": {"namespace": "tasks", "inJobNamespaces": True}, "global": {"fsGroup": ""}})
    assert rules(objects, "spark-jobs", "airflow-pods")["pods"] == ["get", "list", "watch", "create", "patch", "delete"]
    files = pick(objects, "ConfigMap", "airflow-pods")["data"]
    submit, driver = (yaml.safe_load(files[f"{name}.yaml"]) for name in ("submit", "spark"))
    executor = json.loads(env(driver["spec"]["containers"][0])["EXECUTOR"])
    for pod in (submit, driver, executor):
        [container] = pod["spec"]["containers"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert pod["spec"]["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert (submit["metadata"]["namespace"], submit["spec"]["serviceAccountName"]) == ("tasks", "airflow-task")
    assert (driver["metadata"]["labels"], driver["spec"]["priorityClassName"]) == ({"spark-role": "driver"}, "sparkyard-driver")
    assert executor["spec"]["automountServiceAccountToken"] is False
    assert [volume["secret"]["secretName"] for volume in driver["spec"]["volumes"] if "secret" in volume] == ["spark-rpc"]


def test_where_notices_go_and_what_is_rented_come_from_secrets() -> None:
    for pod in list_pods(bring({"noticeSecret": "notice", "rentalSecret": "rental"})).values():
        found = {item["name"]: item["valueFrom"]["secretKeyRef"] for item in list_containers(pod)[-1]["env"] if "valueFrom" in item}
        assert found["AIRFLOW_CONN_SPARKYARD_NOTICE"] == {"name": "notice", "key": "connection"}
        assert found["SPARKYARD_RENTAL"] == {"name": "rental", "key": "rental.json"}


def test_nobody_reaches_the_interface_but_its_own_and_whom_the_site_names() -> None:
    [own] = pick(bring(), "NetworkPolicy", "airflow-api-server")["spec"]["ingress"]
    assert [peer.keys() for peer in own["from"]] == [{"podSelector"}]
    ingress = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}
    [named] = pick(bring({"networkPolicies": {"from": [ingress]}}), "NetworkPolicy", "airflow-api-server")["spec"]["ingress"]
    assert ingress in named["from"]


def test_other_settings_are_other_pods() -> None:
    first, other = (list_pods(bring({"parallelism": number}))[PROCESSES[2]]["metadata"]["annotations"] for number in (4, 5))
    assert first != other
