"""What a pod in a job namespace may be, asked of a real API server with Pod Security off: our policies alone refuse."""

import copy
import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from charts.apiserver import Api, run_apiserver
from charts.render import load_crds, render, switch_off

pytestmark = [pytest.mark.helm, pytest.mark.apiserver]
Object = dict[str, Any]
IMAGE = "registry.example.com/sparkyard/spark:1"
DRIVER, SUBMIT = ("system:serviceaccount:spark-jobs:spark-driver", "system:serviceaccount:spark-jobs:spark-submit")
ALLOWED = {
    "images": ["registry.example.com/team-b/"],
    "secrets": ["sql-server"],
    "serviceAccounts": ["notebook"],
    "priorityClasses": ["urgent"],
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    values = switch_off("lake", "spark-operator", "defaults", "notebooks", "airflow")
    values["global"]["jobs"] = {"allowed": ALLOWED}
    objects = render(values)
    for namespace in (item for item in objects if item["kind"] == "Namespace"):
        namespace["metadata"]["labels"] = {"pod-security.kubernetes.io/enforce": "privileged"}
    objects += [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "spark-jobs"}}
        for name in ("default", "notebook")
    ]
    objects.append({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "urgent"}, "value": 5})
    objects.append({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "greedy"}, "value": 9})
    with run_apiserver("node", tmp_path_factory.mktemp("apiserver")) as api:
        api.apply([item for item in objects if item["kind"] == "Namespace"])
        api.apply(objects)
        wait_for_policies(api)
        yield api


def wait_for_policies(api: Api, timeout: float = 30) -> None:
    """The server compiles a policy a moment after it has taken it; each has one pod here that it alone refuses."""
    deadline = time.monotonic() + timeout
    while not all(api.refusal(make_pod(**changes)) for changes, _ in REFUSED.values()) and time.monotonic() < deadline:
        time.sleep(0.5)


def make_pod(role: str = "driver", user: str = "", **changes: Any) -> Object:
    """A driver or executor as the platform makes it, with changes of its spec ("containers" change the first one)."""
    container = {"name": "spark", "image": IMAGE} | changes.pop("container", {})
    spec: Object = {"serviceAccountName": f"spark-{role}", "containers": [container]}
    if role == "driver":
        spec["priorityClassName"] = "sparkyard-driver"
    labels = {"spark-role": role} if role in ("driver", "executor") else {}
    meta = {"name": "probe", "namespace": "spark-jobs", "labels": labels | changes.pop("labels", {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec | copy.deepcopy(changes)}


def env_from(secret: str) -> Object:
    return {"envFrom": [{"secretRef": {"name": secret}}]}


def env(secret: str) -> Object:
    return {"env": [{"name": "PLAIN", "value": "1"}, {"name": "X", "valueFrom": {"secretKeyRef": {"name": secret, "key": "k"}}}]}


def mounts(**volume: Any) -> list[Object]:
    return [{"name": "scratch", "emptyDir": {}}, {"name": "it", **volume}]


def projected(secret: str) -> Object:
    return {"sources": [{"configMap": {"name": "x"}}, {"secret": {"name": secret}}]}


SECOND = {"name": "second", "image": IMAGE}
LET_IN: dict[str, Object] = {
    "a driver": {},
    "an executor": {"role": "executor"},
    "another build of the image": {"container": {"image": "registry.example.com/sparkyard/spark@sha256:" + "0" * 64}},
    "an image the site allows": {"container": {"image": "registry.example.com/team-b/etl:3"}},
    "an account the site allows": {"role": "other", "serviceAccountName": "notebook"},
    "the lake's Secrets": {"container": env_from("lake-s3-jobs"), "volumes": mounts(secret={"secretName": "lake-catalog-jobs"})},
    "SQL connections in a driver": {"volumes": mounts(secret={"secretName": "sql-connections"})},
    "what executors know their driver by": {"role": "executor", "volumes": mounts(secret={"secretName": "spark-rpc"})},
    "a Secret the site allows": {"role": "executor", "container": env("sql-server"), "volumes": mounts(projected=projected("sql-server"))},
    "a priority the site allows": {"role": "executor", "priorityClassName": "urgent"},
    "a claim": {"volumes": mounts(persistentVolumeClaim={"claimName": "data"})},
    "a sidecar": {"initContainers": [SECOND]},
}
REFUSED: dict[str, tuple[Object, str]] = {
    "foreign image": ({"container": {"image": "docker.io/library/busybox:1"}}, r"busybox:1.*global\.jobs\.allowed\.images"),
    "image whose name only begins like ours": ({"container": {"image": "registry.example.com/sparkyard/spark-evil:1"}}, "spark-evil"),
    "image without a tag": ({"container": {"image": "registry.example.com/sparkyard/spark"}}, "has image"),
    "foreign init image": ({"initContainers": [SECOND | {"image": "busybox:1"}]}, "second has image busybox:1"),
    "foreign account": ({"serviceAccountName": "default"}, r"spec\.serviceAccountName is default.*global\.jobs\.allowed\.serviceAccounts"),
    "Secret as volume": ({"volumes": mounts(secret={"secretName": "other"})}, r"not listed.*global\.jobs\.allowed\.secrets"),
    "Secret projected": ({"volumes": mounts(projected=projected("other"))}, "not listed"),
    "Secret as env": ({"container": env("other")}, "not listed"),
    "Secret as envFrom": ({"container": env_from("other")}, "not listed"),
    "Secret in an init container": ({"initContainers": [SECOND | env_from("other")]}, "not listed"),
    "catalog in an executor": ({"role": "executor", "volumes": mounts(secret={"secretName": "lake-catalog-jobs"})}, "for drivers only"),
    "SQL connections in an executor": ({"role": "executor", "container": env("sql-connections")}, "sql-connections: for drivers only"),
    "hostPath": ({"volumes": mounts(hostPath={"path": "/"})}, r"spec\.volumes it of a kind that reaches the host"),
    "NFS": ({"volumes": mounts(nfs={"server": "10.0.0.1", "path": "/"})}, "reaches the host or other systems"),
    "hostNetwork": ({"hostNetwork": True}, r"spec\.hostNetwork is true"),
    "hostPID": ({"hostPID": True}, r"spec\.hostPID is true"),
    "hostIPC": ({"hostIPC": True}, r"spec\.hostIPC is true"),
    "hostPort": ({"container": {"ports": [{"containerPort": 80, "hostPort": 80}]}}, "container spark takes a hostPort"),
    "privileged": ({"container": {"securityContext": {"privileged": True}}}, "container spark is privileged"),
    "escalation": ({"container": {"securityContext": {"allowPrivilegeEscalation": True}}}, "may escalate"),
    "capability": ({"container": {"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}}, "adds capabilities"),
    "root container": ({"container": {"securityContext": {"runAsUser": 0}}}, "runs as root"),
    "root pod": ({"securityContext": {"runAsUser": 0}}, r"spec\.securityContext\.runAsUser is 0"),
    "nodeName": ({"nodeName": "node-1"}, r"spec\.nodeName is set"),
    "foreign priority": ({"role": "executor", "priorityClassName": "greedy"}, r"is greedy.*global\.jobs\.allowed\.priorityClasses"),
    "driver the quota would not count": ({"priorityClassName": "urgent"}, "must be sparkyard-driver"),
}


@pytest.mark.parametrize("changes", LET_IN.values(), ids=LET_IN.keys())
def test_let_in(api: Api, changes: Object) -> None:
    assert api.refusal(make_pod(**changes)) == ""


@pytest.mark.parametrize(("changes", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_for_its_reason(api: Api, changes: Object, reason: str) -> None:
    refusal = api.refusal(make_pod(**changes))
    assert re.search(reason, refusal), refusal
    assert "(spark-jobs/probe)" in refusal
    assert refusal.count("ValidatingAdmissionPolicy") == 1, f"more than one policy stands in the way:\n{refusal}"


def test_a_driver_creates_executors_only(api: Api) -> None:
    assert api.refusal(make_pod("executor"), DRIVER) == ""
    refusal = api.refusal(make_pod("driver"), DRIVER)
    assert "it may create only executors that run as spark-executor" in refusal
    assert "executors" in api.refusal(make_pod("executor", serviceAccountName="spark-driver"), DRIVER)


def test_spark_submit_creates_drivers_only(api: Api) -> None:
    assert api.refusal(make_pod("driver"), SUBMIT) == ""
    assert "it may create only drivers that run as spark-driver" in api.refusal(make_pod("executor"), SUBMIT)
    assert "forbidden" in api.refusal(make_pod("driver"), "system:serviceaccount:spark-jobs:spark-executor")


@pytest.fixture(scope="module")
def pods(api: Api) -> dict[str, str]:
    """A driver, an executor, and one that is neither, which are there; by what they are."""
    made = {role: make_pod(role, serviceAccountName="notebook" if role == "other" else f"spark-{role}") for role in PARTS}
    for role, pod in made.items():
        pod["metadata"]["name"] = f"standing-{role}"
    api.apply(list(made.values()))
    deadline = time.monotonic() + 30
    while not api.kubectl("delete", "pod", "standing-other", "-n", "spark-jobs", "--dry-run=server", "--as", DRIVER).stderr:
        assert time.monotonic() < deadline, "the policy is not compiled"
        time.sleep(0.5)
    return {role: f"standing-{role}" for role in PARTS}


PARTS = ("driver", "executor", "other")


@pytest.mark.parametrize(("user", "own"), [(DRIVER, "executor"), (SUBMIT, "driver")], ids=["driver", "submit"])
def test_an_account_deletes_its_own_kind_only(api: Api, pods: dict[str, str], user: str, own: str) -> None:
    for role, name in pods.items():
        words = api.kubectl("delete", "pod", name, "-n", "spark-jobs", "--dry-run=server", "--as", user).stderr
        expected = "" if role == own else f"it may delete {own}s only"
        assert expected in words
        assert bool(expected) == bool(words), role


def test_a_driver_deletes_no_others_at_once_either(api: Api, pods: dict[str, str]) -> None:
    def delete(selector: str) -> str:
        path = f"/api/v1/namespaces/spark-jobs/pods?dryRun=All&labelSelector={selector}"
        return api.kubectl("delete", "--raw", path, "--as", DRIVER).stderr

    assert delete("spark-role%3Dexecutor") == ""
    assert "it may delete executors only" in delete("spark-role%3Ddriver")


@pytest.mark.parametrize("what", ["configmaps", "persistentvolumeclaims", "services", "secrets"])
@pytest.mark.parametrize("verb", ["get", "create", "delete", "deletecollection"])
def test_a_driver_has_no_right_on_what_belongs_to_others(api: Api, verb: str, what: str) -> None:
    assert api.kubectl("auth", "can-i", verb, what, "-n", "spark-jobs", "--as", DRIVER).stdout.strip() == "no"


@pytest.fixture
def standing(api: Api) -> Iterator[str]:
    """A pod that is there."""
    api.apply([make_pod("executor")])
    yield "probe"
    api.kubectl("delete", "pod", "probe", "-n", "spark-jobs", "--force", "--grace-period=0")


def test_an_image_cannot_be_changed_afterwards(api: Api, standing: str) -> None:
    done = api.kubectl("set", "image", f"pod/{standing}", "spark=busybox:1", "-n", "spark-jobs")
    assert "spark has image busybox:1" in done.stderr


def test_a_debug_container_obeys_too(api: Api, standing: str) -> None:
    done = api.kubectl("debug", standing, "-n", "spark-jobs", "--image=busybox:1", "--container=look")
    assert "look has image busybox:1" in done.stderr


def test_labels_of_what_is_there_may_change(api: Api, standing: str) -> None:
    assert api.kubectl("label", "pod", standing, "-n", "spark-jobs", "a=b").returncode == 0


@pytest.mark.parametrize(
    ("spec", "reason"), [({"type": "NodePort"}, "type is NodePort"), ({"externalIPs": ["10.0.0.9"]}, "externalIPs is set"), ({}, "")]
)
def test_services_stay_inside_the_cluster(api: Api, spec: Object, reason: str) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "ui", "namespace": "spark-jobs"},
        "spec": {"ports": [{"port": 80}]} | spec,
    }
    refusal = api.refusal(service)
    assert reason in refusal
    assert bool(reason) == bool(refusal)


def test_other_namespaces_are_left_alone(api: Api) -> None:
    pod = make_pod("driver", container={"image": "busybox:1"})
    pod["metadata"]["namespace"] = "default"
    api.apply([{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "spark-driver", "namespace": "default"}}])
    assert api.refusal(pod) == ""


@pytest.fixture(scope="module")
def hooked(api: Api) -> Callable[..., str]:
    """What the API server says to a patch of an application, with all webhooks of the platform before it, of which none answers."""
    api.apply(load_crds())
    api.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    application = {"apiVersion": "sparkoperator.k8s.io/v1beta2", "metadata": {"name": "probe", "namespace": "spark-jobs"}}
    main = {"type": "Python", "sparkVersion": "4.1.3", "mainApplicationFile": "local:///a.py", "arguments": ["a"]}
    spec: Object = {**main, "timeToLiveSeconds": 60, "driver": {}, "executor": {}}
    scheduled = {"kind": "ScheduledSparkApplication", "spec": {"schedule": "@daily", "template": spec}}
    api.apply([application | {"kind": "SparkApplication", "spec": spec}, application | scheduled])
    api.apply([item for item in render() if item["kind"].endswith("WebhookConfiguration")])

    def patch(spec: Object, kind: str = "sparkapplication") -> str:
        return api.kubectl("patch", kind, "probe", "-n", "spark-jobs", "--type=merge", "-p", json.dumps({"spec": spec})).stderr

    deadline = time.monotonic() + 30
    while "failed calling webhook" not in patch({"arguments": ["b"]}) and time.monotonic() < deadline:
        time.sleep(0.5)
    return patch


@pytest.mark.parametrize("spec", [{"suspend": True}, {"timeToLiveSeconds": 5}, {"timeToLiveSeconds": None, "suspend": False}])
def test_a_stop_waits_for_no_webhook(hooked: Callable[..., str], spec: Object) -> None:
    assert hooked(spec) == ""


OTHERS: list[Object] = [{"arguments": ["c"]}, {"arguments": None}, {"mode": "cluster"}, {"driver": {"cores": 2}, "suspend": True}]


@pytest.mark.parametrize("spec", OTHERS)
def test_any_other_change_is_asked_about(hooked: Callable[..., str], spec: Object) -> None:
    assert "failed calling webhook" in hooked(spec)


def test_a_schedule_stops_without_them_too(hooked: Callable[..., str]) -> None:
    assert hooked({"suspend": True}, "scheduledsparkapplication") == ""
    assert "failed calling webhook" in hooked({"schedule": "@hourly"}, "scheduledsparkapplication")
