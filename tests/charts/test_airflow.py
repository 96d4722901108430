"""The chart airflow: what it may, and what is only there when asked for."""

import base64
import json
from typing import Any

import pytest
import yaml
from charts.render import HelmError, list_containers, list_pods, names, pick, render

from sparkyard.names import AIRFLOW_LOGIN_SECRET

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
            "sparkapplications": ["create", "delete", "get", "patch", "watch"],
            "pods": ["get", "list"],
            "pods/log": ["get"],
            "events": ["list"],
        }


def test_only_who_speaks_to_the_cluster_has_a_token() -> None:
    pods = list_pods(bring())
    holders = {name for name, pod in pods.items() if pod["spec"]["automountServiceAccountToken"]}
    assert holders == {"StatefulSet/airflow-scheduler", "StatefulSet/airflow-triggerer"}


def test_passwords_and_keys_are_made_kept_and_fit() -> None:
    data = {key: base64.b64decode(value).decode() for key, value in pick(bring(), "Secret", AIRFLOW_LOGIN_SECRET)["data"].items()}
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


def claims(objects: list[Object], name: str) -> list[str]:
    return [
        volume["persistentVolumeClaim"]["claimName"] for volume in list_pods(objects)[name]["spec"]["volumes"] if volume["name"] == "logs"
    ]


def test_logs_stay_in_claims_or_in_one_of_the_site() -> None:
    objects = bring()
    for name in ("airflow-scheduler", "airflow-triggerer"):
        claim = pick(objects, "PersistentVolumeClaim", f"{name}-logs")
        assert claim["spec"]["resources"]["requests"]["storage"] == "5Gi"
        assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
        assert claims(objects, f"StatefulSet/{name}") == [f"{name}-logs"]
    shared = bring({"logs": {"claim": "everybody"}})
    assert not [item for item in shared if item["kind"] == "PersistentVolumeClaim"]
    for name in PROCESSES:
        assert claims(shared, name) == ["everybody"], name


@pytest.mark.parametrize("logs", [{"size": "9Gi"}, {"claim": "everybody"}])
def test_no_setting_of_logs_changes_what_a_stateful_set_never_changes(logs: Object) -> None:
    changeable = {"replicas", "template", "updateStrategy", "revisionHistoryLimit", "minReadySeconds", "ordinals"}
    for name in ("airflow-scheduler", "airflow-triggerer"):
        first, other = (pick(bring(values), "StatefulSet", name)["spec"] for values in ({}, {"logs": logs}))
        assert "volumeClaimTemplates" not in first
        assert {key: first[key] for key in first.keys() - changeable} == {key: other[key] for key in other.keys() - changeable}


PODS: Object = {"executor": "KubernetesExecutor", "taskNamespace": "airflow-tasks"}
IN_S3: Object = {"logs": {"s3": {"folder": "s3://airflow/logs"}}}


def secrets(container: Object) -> dict[str, str]:
    return {item["name"]: item["valueFrom"]["secretKeyRef"]["name"] for item in container["env"] if "valueFrom" in item}


def test_logs_go_to_the_lake_s_store_or_to_one_of_the_site() -> None:
    for values, endpoint in (({}, "http://lake-s3.sparkyard.svc:7070"), ({"global": {"s3": {"endpoint": "https://s3.example.com"}}}, "")):
        objects = bring({**IN_S3, **values})
        for name in PROCESSES:
            container = list_containers(list_pods(objects)[name])[-1]
            told = json.loads(env(container)["AIRFLOW_CONN_SPARKYARD_LOGS"])["extra"]["endpoint_url"]
            assert told == (endpoint or "https://s3.example.com"), name
            assert secrets(container)["AWS_SECRET_ACCESS_KEY"] == "lake-s3-airflow", name
        for name in ("airflow-api-server", "airflow-scheduler", "airflow-triggerer"):
            assert ("lake-s3" in json.dumps(pick(objects, "NetworkPolicy", name))) is bool(endpoint), name
    assert "AWS_ACCESS_KEY_ID" not in secrets(list_containers(list_pods(bring())[PROCESSES[0]])[-1])
    assert "AWS_ACCESS_KEY_ID" not in secrets(
        make_task_pod({"logs": {"s3": {"folder": "s3://a/b", "secret": ""}}})["spec"]["containers"][0]
    )
    with pytest.raises(HelmError, match=r"logs/s3/folder"):
        bring({"logs": {"s3": {"folder": "airflow/logs"}}})


def test_a_task_s_pod_writes_its_log_into_the_lake_by_the_key_for_that_alone() -> None:
    objects = bring({**PODS, **IN_S3})
    [container] = make_task_pod(IN_S3)["spec"]["containers"]
    assert secrets(container) == dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "lake-s3-airflow")
    [door] = pick(objects, "NetworkPolicy", "airflow-task-logs")["spec"]["ingress"]
    [peer] = door["from"]
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "airflow-tasks"}
    [out] = [
        rule for rule in pick(objects, "NetworkPolicy", "airflow-task", "airflow-tasks")["spec"]["egress"] if "lake-s3" in json.dumps(rule)
    ]
    assert out["ports"] == door["ports"] == [{"protocol": "TCP", "port": "s3"}]
    site = {"global": {"s3": {"endpoint": "https://s3.example.com"}}}
    assert ("NetworkPolicy", "sparkyard/airflow-task-logs") not in names(bring({**PODS, **IN_S3, **site}))


def test_dags_come_from_a_repository() -> None:
    git = {"url": "https://git.example.com/dags.git", "ref": "v1", "folder": "airflow/dags", "secret": "git-login", "refresh": 30}
    own = {"name": "own", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {"path": "/dags"}}
    objects = bring({"dags": {"git": git, "bundles": [own]}})
    for name in PROCESSES:
        container = list_containers(list_pods(objects)[name])[-1]
        first, second = json.loads(env(container)["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"])
        assert (first["kwargs"]["repo_url"], first["kwargs"]["tracking_ref"], second) == (git["url"], "v1", own), name
        assert (first["kwargs"]["git_conn_id"], first["kwargs"]["refresh_interval"]) == ("sparkyard_dags", 30), name
        assert secrets(container)["AIRFLOW_CONN_SPARKYARD_DAGS"] == "git-login", name
    [public] = json.loads(
        env(make_task_pod({"dags": {"git": {"url": "https://x.example.com/d"}}})["spec"]["containers"][0])[
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"
        ]
    )
    assert "git_conn_id" not in public["kwargs"]
    assert "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST" not in env(list_containers(list_pods(bring())[PROCESSES[0]])[-1])


def test_the_site_s_authorities_are_trusted_by_processes_and_tasks() -> None:
    trusted = {"global": {"trustedCa": {"configMap": "site-ca"}}}
    pods = [*(list_pods(bring(trusted))[name] for name in PROCESSES), make_task_pod(trusted)]
    for pod in pods:
        container = list_containers(pod)[-1]
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "GIT_SSL_CAINFO"):
            assert env(container)[name] == "/etc/sparkyard/ca/ca.crt"
        assert {"name": "site-ca", "configMap": {"name": "site-ca"}} in pod["spec"]["volumes"]
        assert "/etc/sparkyard/ca" in {mount["mountPath"] for mount in container["volumeMounts"]}


def make_task_pod(values: Object | None = None) -> Object:
    text = pick(bring({**PODS, **(values or {})}), "ConfigMap", "airflow-task")["data"]["pod.yaml"]
    return dict(yaml.safe_load(text))


def test_a_pod_for_each_task_is_restricted_too() -> None:
    pod = make_task_pod()
    [container] = pod["spec"]["containers"]
    assert container["name"] == "base", "Airflow finds it by this name"
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    with pytest.raises(HelmError, match="executor"):
        bring({"executor": "CeleryExecutor"})


def test_pods_of_tasks_have_a_namespace_of_their_own() -> None:
    objects = bring(PODS)
    assert {item for item in names(objects) if item[1].startswith("airflow-tasks")} == {
        ("Namespace", "airflow-tasks"),
        ("ServiceAccount", "airflow-tasks/airflow"),
        ("Role", "airflow-tasks/airflow"),
        ("RoleBinding", "airflow-tasks/airflow"),
        ("NetworkPolicy", "airflow-tasks/airflow-task"),
    }
    assert pick(objects, "Namespace", "airflow-tasks")["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    for pod in (list_pods(objects)[name] for name in PROCESSES):
        assert env(list_containers(pod)[-1])["AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACE"] == "airflow-tasks"
    assert not [name for kind, name in names(bring()) if kind == "Namespace"]


@pytest.mark.parametrize("namespace", ["", "sparkyard", "spark-jobs", "tasks"], ids=["none", "the platform's", "of jobs", "of podTasks"])
def test_pods_of_tasks_share_no_namespace(namespace: str) -> None:
    with pytest.raises(HelmError, match="taskNamespace is"):
        bring({**PODS, "taskNamespace": namespace, "podTasks": {"namespace": "tasks"}})


@pytest.mark.parametrize("namespace", ["sparkyard", "spark-jobs"])
def test_tasks_that_are_pods_share_no_namespace_either(namespace: str) -> None:
    with pytest.raises(HelmError, match=r"podTasks\.namespace is"):
        bring({"podTasks": {"namespace": namespace}})


def test_no_account_of_airflow_s_makes_pods_beside_the_platform_s_secrets() -> None:
    everything = {**PODS, "podTasks": {"namespace": "tasks", "inJobNamespaces": True}, "accounts": [{"name": "w", "namespace": "theirs"}]}
    objects = bring(everything)
    assert not [item for item in objects if item["kind"] in ("Role", "RoleBinding") and item["metadata"]["namespace"] == "sparkyard"]
    subjects = pick(objects, "RoleBinding", "airflow", "airflow-tasks")["subjects"]
    assert [(subject["name"], subject["namespace"]) for subject in subjects] == [("airflow", "sparkyard")], "no task makes pods of tasks"
    for name in ("airflow", "airflow-pods"):
        subjects = pick(objects, "RoleBinding", name, "spark-jobs")["subjects"]
        assert ("airflow", "airflow-tasks") in [(subject["name"], subject["namespace"]) for subject in subjects], "a task submits"


def test_a_task_s_pod_is_given_no_password_and_no_key() -> None:
    pod = make_task_pod({"global": {"lake": {"tlsSecret": "lake-tls"}}})
    [container] = pod["spec"]["containers"]
    assert not [item["name"] for item in container["env"] if "valueFrom" in item]
    assert not [name for name in env(container) if name.startswith(("PG", "AIRFLOW__DATABASE", "AIRFLOW__CORE__SIMPLE_AUTH"))]
    assert env(container)["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://airflow-api-server.sparkyard.svc:8080/execution/"
    assert not [volume for volume in pod["spec"]["volumes"] if "secret" in volume]
    assert "sparkyard.dev/lake-client" not in pod["metadata"]["labels"]
    [container] = make_task_pod({"noticeSecret": "notice", "rentalSecret": "rental"})["spec"]["containers"]
    asked = {item["name"]: item["valueFrom"]["secretKeyRef"]["name"] for item in container["env"] if "valueFrom" in item}
    assert asked == {"AIRFLOW_CONN_SPARKYARD_NOTICE": "notice", "SPARKYARD_RENTAL": "rental"}


def test_a_task_s_pod_reaches_airflow_and_the_cluster_and_no_database() -> None:
    objects = bring({**PODS, "global": {"apiServer": {"cidrs": ["10.1.2.3/32"], "ports": [6443]}}})
    policy = pick(objects, "NetworkPolicy", "airflow-task", "airflow-tasks")["spec"]
    assert (policy["podSelector"], policy["policyTypes"]) == ({}, ["Ingress", "Egress"])
    assert "ingress" not in policy
    _, cluster, airflow = policy["egress"]
    assert cluster["to"] == [{"ipBlock": {"cidr": "10.1.2.3/32"}}]
    [peer] = airflow["to"]
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "sparkyard"}
    assert peer["podSelector"]["matchExpressions"][0]["values"] == ["airflow-api-server"]
    [door] = pick(objects, "NetworkPolicy", "airflow-api-server")["spec"]["ingress"]
    [tasks] = [peer for peer in door["from"] if "namespaceSelector" in peer]
    assert tasks["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "airflow-tasks"}
    assert tasks["podSelector"]["matchExpressions"][0]["values"] == [make_task_pod()["metadata"]["labels"]["app.kubernetes.io/name"]]


def test_with_cilium_pods_of_both_kinds_reach_the_api_server() -> None:
    objects = bring({**PODS, "podTasks": {"namespace": "tasks"}, "global": {"networkPolicies": {"cilium": True}}})
    for namespace in ("tasks", "airflow-tasks"):
        spec = pick(objects, "CiliumNetworkPolicy", "airflow-task-api-server", namespace)["spec"]
        assert spec == {"endpointSelector": {}, "egress": [{"toEntities": ["kube-apiserver"]}]}
        assert pick(objects, "Namespace", namespace)["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    off = bring({**PODS, "podTasks": {"namespace": "tasks"}, "global": {"networkPolicies": {"enabled": False, "cilium": True}}})
    assert not [item for item in off if "NetworkPolicy" in item["kind"]]


def test_what_tasks_make_pods_of_lies_where_they_run() -> None:
    values = {**PODS, "podTasks": {"namespace": "tasks"}}
    objects = bring(values)
    assert (
        pick(objects, "ConfigMap", "airflow-pods", "airflow-tasks")["data"]
        == pick(objects, "ConfigMap", "airflow-pods", "sparkyard")["data"]
    )
    assert {"name": "pods", "configMap": {"name": "airflow-pods"}} in make_task_pod(values)["spec"]["volumes"]


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
