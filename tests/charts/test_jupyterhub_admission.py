"""What people's accounts, teams' servers and the hub may make and delete, asked of a real API server."""

import copy
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from charts.apiserver import Api, run_apiserver
from charts.test_jupyterhub import SPACE, Object, hub_values, is_mine, make

from sparkyard import names as known
from sparkyard.hub import make_objects, make_person_quota
from sparkyard.notebook.conf import Sizes, make_executor_template
from sparkyard.settings import PlatformSettings

pytestmark = [pytest.mark.helm, pytest.mark.apiserver]
IMAGE = "registry.example.com/sparkyard/spark:1"
ANN = f"system:serviceaccount:{SPACE}:notebook-ann"
HUB = "system:serviceaccount:sparkyard:jupyter-hub"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    kinds = ("Namespace", "ServiceAccount", "Role", "ClusterRole", "ClusterRoleBinding")
    mine = [item for item in make() if (item["kind"] in kinds or item["kind"].startswith("ValidatingAdmission")) and is_mine(item)]
    mine = [item for item in mine if item["metadata"].get("namespace", SPACE) == SPACE]
    users = ("ann", "bob", "connect--sales")
    people = [item for user in users for item in make_objects(SPACE, user, "token", "word") if item["kind"] != "NetworkPolicy"]
    people += [make_class(user) for user in users]
    bobs = make_executor()
    bobs["metadata"] |= {"name": "bobs", "labels": {"spark-role": "executor", known.NOTEBOOK_USER_LABEL: "bob"}}
    bobs["spec"]["priorityClassName"] = "notebook-bob"
    with run_apiserver("node", tmp_path_factory.mktemp("apiserver")) as api:
        api.apply([item for item in mine if item["kind"] == "Namespace"])
        api.apply([*mine, *people])
        api.apply([bobs, make_executor() | {"metadata": {**make_executor()["metadata"], "name": "anns"}}])
        wait_for_policies(api)
        yield api


def wait_for_policies(api: Api, timeout: float = 30) -> None:
    """The server compiles a policy a moment after it has taken it."""
    deadline = time.monotonic() + timeout
    tries = [(make_executor(**changes), ANN) for changes, _ in REFUSED.values()]
    tries.append(({**make_class("eve"), "value": 1}, HUB))
    while not all(api.refusal(thing, user) for thing, user in tries) and time.monotonic() < deadline:
        time.sleep(0.5)


def make_class(user: str) -> Object:
    return make_person_quota(hub_values(make()), user)[0]


def make_executor(labels: Object | None = None, name: str = "probe", container: Object | None = None, **changes: Any) -> Object:
    """An executor of ann's as Spark makes it of our template, with changes of its spec."""
    pod = copy.deepcopy(make_executor_template(SETTINGS, Sizes(user="ann"), SPACE))
    pod["metadata"] |= {"name": name, "labels": {"spark-role": "executor", **pod["metadata"]["labels"], **(labels or {})}}
    own = {"serviceAccountName": known.NOTEBOOK_EXECUTOR_ACCOUNT, "priorityClassName": "notebook-ann", "volumes": []}
    pod["spec"] |= {**own, **changes}
    pod["spec"]["containers"] = [{"name": "spark", "image": IMAGE, "securityContext": SECURITY, **(container or {})}]
    return pod


SETTINGS = PlatformSettings()
SECURITY = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}

CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}


def volume(**source: Any) -> list[Object]:
    return [{"name": "it", **source}]


LET_IN: dict[str, Object] = {
    "an executor": {},
    "with the labels that helm gives a SparkConnect": {
        "labels": {"app.kubernetes.io/part-of": "sparkyard", "app.kubernetes.io/managed-by": "Helm"}
    },
    "the store's key": {"container": {"envFrom": [{"secretRef": {"name": "lake-s3-read"}}]}},
    "ann's own word": {"volumes": volume(secret={"secretName": "spark-rpc-ann"})},
    "a share of notebooks": {"volumes": volume(persistentVolumeClaim={"claimName": "sales"})},
    "scratch": {"volumes": volume(emptyDir={})},
}
REFUSED: dict[str, tuple[Object, str]] = {
    "bob's executor": ({"labels": {known.NOTEBOOK_USER_LABEL: "bob"}}, "executors with label sparkyard.dev/notebook-user=ann only"),
    "a driver": ({"labels": {"spark-role": "driver"}}, "it may create executors"),
    "a server by its label": ({"labels": {"sparkyard.dev/notebook": "true"}}, "may not look like a server"),
    "a server by the hub's label": ({"labels": {"hub.jupyter.org/username": "bob"}}, "may not look like a server"),
    "a server by its name": ({"name": "jupyter-bob"}, "may not look like a server"),
    "a server of Spark Connect by its name": ({"name": "connect-sales-server"}, "may not look like a server"),
    "a service by its label": ({"labels": {"app.kubernetes.io/name": "jupyter-hub"}}, "may not look like a server"),
    "bob's account": ({"serviceAccountName": "notebook-bob"}, "executors run as spark-executor"),
    "ann's own account": ({"serviceAccountName": "notebook-ann"}, "executors run as spark-executor"),
    "foreign image": ({"container": {"image": "busybox:1"}}, "has image busybox:1"),
    "foreign init image": (
        {"initContainers": [{"name": "i", "image": "busybox:1", "securityContext": SECURITY}]},
        "i has image busybox:1",
    ),
    "a node": ({"nodeName": "node-1"}, "names no node"),
    "who is counted as bob": ({"priorityClassName": "notebook-bob"}, "is of priority class notebook-ann"),
    "who is not counted": ({"priorityClassName": ""}, "is of priority class notebook-ann"),
    "bob's home": ({"volumes": volume(persistentVolumeClaim={"claimName": "home-bob"})}, "claim home-bob is no share"),
    "ann's home": ({"volumes": volume(persistentVolumeClaim={"claimName": "home-ann"})}, "claim home-ann is no share"),
    "a share of jobs": ({"volumes": volume(persistentVolumeClaim={"claimName": "closed"})}, "claim closed is no share"),
    "a claim of its own making": (
        {"volumes": volume(ephemeral={"volumeClaimTemplate": {"spec": CLAIM}})},
        "of another kind",
    ),
    "bob's word": ({"volumes": volume(secret={"secretName": "spark-rpc-bob"})}, "executors read Secrets"),
    "bob's token as env": (
        {"container": {"env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "notebook-token-bob", "key": "token"}}}]}},
        "executors read Secrets",
    ),
    "bob's token as envFrom": ({"container": {"envFrom": [{"secretRef": {"name": "notebook-token-bob"}}]}}, "executors read Secrets"),
    "bob's token projected": (
        {"volumes": volume(projected={"sources": [{"secret": {"name": "notebook-token-bob"}}]})},
        "executors read Secrets",
    ),
    "the catalog": ({"volumes": volume(secret={"secretName": "lake-catalog-read"})}, "executors read Secrets"),
}


@pytest.mark.parametrize("changes", LET_IN.values(), ids=LET_IN.keys())
def test_let_in(api: Api, changes: Object) -> None:
    assert api.refusal(make_executor(**changes), ANN) == ""


def test_a_team_s_server_is_no_person_that_is_counted(api: Api) -> None:
    executor = make_executor({known.NOTEBOOK_USER_LABEL: "connect--sales"}, priorityClassName="")
    server = ANN.replace("ann", "connect--sales")
    assert api.refusal(executor, server) == ""
    executor["spec"]["priorityClassName"] = "notebook-ann"
    assert "is of priority class none" in api.refusal(executor, server)


@pytest.mark.parametrize(("changes", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_for_its_reason(api: Api, changes: Object, reason: str) -> None:
    refusal = api.refusal(make_executor(**changes), ANN)
    assert re.search(reason, refusal), refusal
    assert "notebook of ann" in refusal


def test_the_hub_makes_classes_of_no_priority_only(api: Api) -> None:
    assert api.refusal(make_class("eve"), HUB) == ""
    for changes in ({"value": 1000}, {"preemptionPolicy": "PreemptLowerPriority"}, {"globalDefault": True}):
        assert "of no priority only" in api.refusal({**make_class("eve"), **changes}, HUB), changes
    other = make_class("eve") | {"metadata": {"name": "urgent"}}
    assert "of no priority only" in api.refusal(other, HUB)


def test_a_person_deletes_their_own_executors_only(api: Api) -> None:
    def delete(*what: str) -> str:
        return api.kubectl("delete", "pods", "-n", SPACE, "--dry-run=server", "--as", ANN, *what).stderr

    assert delete("anns") == ""
    assert "it may delete executors of ann only" in delete("bobs")
    assert "it may delete executors of ann only" in delete("--selector=spark-role=executor")


@pytest.mark.parametrize(
    "what",
    [
        ("get", "secrets"),
        ("get", "pods", "--subresource=log"),
        ("create", "pods", "--subresource=exec"),
        ("get", "persistentvolumeclaims"),
        ("patch", "pods"),
    ],
)
def test_a_person_may_do_nothing_else(api: Api, what: tuple[str, ...]) -> None:
    assert api.kubectl("auth", "can-i", *what, "-n", SPACE, "--as", ANN).stdout.strip() == "no"


def test_the_hub_cannot_give_more_than_it_may(api: Api) -> None:
    """Escalation: RoleBindings to another Role are refused by the server itself."""
    api.apply([item for item in make() if item["kind"] == "RoleBinding" and item["metadata"].get("namespace") == SPACE])
    [binding] = [item for item in make_objects(SPACE, "eve", "t", "w") if item["kind"] == "RoleBinding"]
    assert api.refusal(binding, HUB) == ""
    other = json.loads(json.dumps(binding).replace('"name": "notebook"', '"name": "jupyter-hub"'))
    other["roleRef"] = {**binding["roleRef"], "kind": "ClusterRole", "name": "cluster-admin"}
    assert "attempting to grant RBAC permissions not currently held" in api.refusal(other, HUB)
