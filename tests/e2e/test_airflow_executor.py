"""A pod for each task, DAGs from a repository, logs in the store: the same release by an upgrade that keeps the runs; and back again."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from e2e.airflow_objects import GIT, LOGIN, RELEASE, make_rental, make_values
from e2e.airflow_site import wait_for_processes

from sparkyard.helm import Helm
from sparkyard.names import PLATFORM_NAMESPACE
from sparkyard.project import ROOT
from sparkyard.runs.cluster_lake import S3_PORT, S3_SERVICE

pytestmark = [pytest.mark.cluster, pytest.mark.long, pytest.mark.timeout(3600)]
SPACE = f"{RELEASE}-pods"
PODS = f"/api/v1/namespaces/{SPACE}/pods"
DAG = "e2e-quick"
IN_PODS: dict[str, Any] = {
    "executor": "KubernetesExecutor",
    "taskNamespace": SPACE,
    "dags": {"git": {"url": GIT, "secret": "git", "refresh": 5}},
    "logs": {"s3": {"folder": "s3://airflow/e2e"}},
    "networkPolicies": {
        "egress": [
            {"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": place}}}], "ports": [{"port": port}]}
            for place, port in ((RELEASE, 8001), (PLATFORM_NAMESPACE, S3_PORT))
        ]
    },
}
COMMIT = "git add . && git -c user.name=e2e -c user.email=e2e@example.com commit -qm more && git push -q ../git/dags.git main"
COMMIT += " && git -C ../git/dags.git update-server-info && git rev-parse HEAD"


def use(yard: Any, **more: Any) -> None:
    values = make_values() | more
    values["global"]["s3"] = {"endpoint": f"http://{S3_SERVICE}.{PLATFORM_NAMESPACE}.svc:{S3_PORT}"}
    Helm(yard.kubeconfig).upgrade(RELEASE, ROOT / "charts" / "airflow", values, RELEASE, 300)
    wait_for_processes(yard)


def apply_secrets(yard: Any, space: str) -> None:
    """What values name must be beside the processes and where tasks run."""
    key = yard.kube.get(f"/api/v1/namespaces/{PLATFORM_NAMESPACE}/secrets/lake-s3-airflow")["data"]
    login = {"conn_type": "git", "login": LOGIN[0], "password": LOGIN[1]}
    made = {
        "lake-s3-airflow": {"data": key},
        "git": {"stringData": {"connection": json.dumps(login)}},
        "rental": {"stringData": {"rental.json": json.dumps(make_rental())}},
    }
    meta = {"namespace": space}
    objects = [{"apiVersion": "v1", "kind": "Secret", "metadata": meta | {"name": name}, **content} for name, content in made.items()]
    yard.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))


def make_door() -> dict[str, Any]:
    """To the platform's store for those of another namespace, which is a site's own to open."""
    spaces = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": [RELEASE, SPACE]}
    rule = {"from": [{"namespaceSelector": {"matchExpressions": [spaces]}}], "ports": [{"port": "s3"}]}
    spec = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": S3_SERVICE}}, "policyTypes": ["Ingress"], "ingress": [rule]}
    meta = {"name": RELEASE, "namespace": PLATFORM_NAMESPACE}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


def in_repository(yard: Any, script: str) -> str:
    """The last line of what a shell says in the repository's checkout, beside which its server has it."""
    pod = ["exec", "-n", RELEASE, "postgres", "-c", "git", "--", "sh", "-ec", f"mkdir -p /tmp/work && cd /tmp/work && {script}"]
    return str(yard.kubectl(*pod).stdout.strip().rpartition("\n")[2])


@pytest.fixture
def runs(air: Any) -> set[str]:
    """One at least, of before."""
    assert air.run(DAG)[0] == "success"
    return air.list_runs(DAG)  # type: ignore[no-any-return]


@pytest.fixture
def commit(yard: Any, runs: set[str]) -> str:
    """The repository's first; its DAGs and manifests lie as in ours."""
    copy = "mkdir -p airflow/dags && cp /dags/*.py airflow/dags && cp -r /dags/manifests ."
    return in_repository(yard, f"git init -q -b main . && git init -q --bare -b main ../git/dags.git && {copy} && {COMMIT}")


@pytest.fixture
def in_pods(yard: Any, air: Any, commit: str) -> Iterator[str]:
    yard.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(make_door()))
    apply_secrets(yard, RELEASE)
    try:
        use(yard, **IN_PODS)
        apply_secrets(yard, SPACE)
        wait_for_bundle(air, "git", commit)
        yield commit
    finally:
        use(yard)
        yard.kubectl("delete", "networkpolicy", "-n", PLATFORM_NAMESPACE, RELEASE)
        yard.kubectl("delete", "namespace", SPACE, "--wait=false")  # kept by the chart
    wait_for_bundle(air, "dags-folder", None)


def wait_for_bundle(air: Any, name: str, version: str | None) -> None:
    def is_there() -> bool:
        dag = air.ask("GET", f"dags/{DAG}")
        return bool((dag["bundle_name"], dag["bundle_version"]) == (name, version))

    air.wait(is_there, f"{DAG} is not of {name} {version}", 180)


def list_task_pods(yard: Any) -> list[dict[str, Any]]:
    return list(yard.kube.list(PODS, labelSelector="app.kubernetes.io/name=airflow-task"))


def test_a_pod_for_each_task_and_runs_are_kept(yard: Any, air: Any, runs: set[str], in_pods: str) -> None:
    assert air.list_runs(DAG) == runs
    run = air.trigger(DAG)
    [pod] = air.wait(lambda: list_task_pods(yard), "no pod was made for the task", 180)
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    secrets = {secret["metadata"]["name"] for secret in yard.kube.list(f"/api/v1/namespaces/{SPACE}/secrets")}
    assert secrets == {"git", "lake-s3-airflow", "rental"}, "what a task may not read is not there"
    assert air.wait_for_end(DAG, run) == "success"
    assert air.states(DAG, run) == {DAG: "success"}
    assert air.xcom(DAG, run, DAG)["state"] == "succeeded"
    air.wait(lambda: not list_task_pods(yard), "a task's pod stays", 120)
    assert " succeeded in " in air.log(DAG, run, DAG), "its log is in the store"
    assert air.ask("GET", f"dags/{DAG}/dagRuns/{run}")["bundle_version"] == in_pods

    manifest, words = "manifests/jobs/e2e-quick.yaml", "arguments: [--nonsense]"
    pushed = in_repository(yard, f"sed 's/^spec:$/&\\n  {words}/' {manifest} > new && mv new {manifest} && {COMMIT}")
    wait_for_bundle(air, "git", pushed)
    run = air.trigger(DAG)
    assert air.wait_for_end(DAG, run) == "failed"
    assert "unrecognized arguments: --nonsense" in air.log(DAG, run, DAG), "the manifest of that commit is submitted"
