"""JupyterHub: rights, network and Secrets; and, asked of a real API server, what a person's account may make and delete."""

import base64
import copy
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from charts.apiserver import Api, run_apiserver
from charts.render import CI, HelmError, list_pods, names, pick, render

from sparkyard import names as known
from sparkyard.hub import HubValues, make_objects, make_profile_list, parse_values
from sparkyard.notebook.conf import Sizes, make_executor_template
from sparkyard.settings import PlatformSettings

pytestmark = pytest.mark.helm
Object = dict[str, Any]
SPACE = known.NOTEBOOKS_NAMESPACE
SALES = {"name": "sales", "server": "files.example.com", "share": "Sales", "secret": "sales", "namespaces": ["spark-jobs", SPACE]}
CLOSED = {**SALES, "name": "closed", "namespaces": ["spark-jobs"]}
HUB = {"jupyterhub": {"enabled": True, "users": {"names": ["ann", "bob"]}}}


def make(**values: Any) -> list[Object]:
    return render({"jupyterhub": {**HUB["jupyterhub"], **values}, "global": {"shares": [SALES, CLOSED]}})


def hub_values(objects: list[Object]) -> HubValues:
    return parse_values(pick(objects, "ConfigMap", "jupyter-hub")["data"]["values.json"])


def rules(name: str) -> set[tuple[str, str, str]]:
    found = pick(make(), "Role", name, SPACE)["rules"]
    return {(r, v, ",".join(rule.get("resourceNames", []))) for rule in found for r in rule["resources"] for v in rule["verbs"]}


def test_off_by_default_and_off_means_absent() -> None:
    added = names(make()) - names(render())
    assert not [name for kind, name in names(render()) if "jupyter" in name or SPACE in name]
    assert {("Deployment", "sparkyard/jupyter-hub"), ("Service", f"sparkyard/{known.JUPYTER_SERVICE}"), ("Namespace", SPACE)} <= added


def test_the_package_reads_what_the_chart_says() -> None:
    values = hub_values(make())
    assert values.namespace == SPACE
    assert values.users.names == ("ann", "bob")
    assert [profile["slug"] for profile in make_profile_list(values)] == ["small", "medium", "large"]
    assert values.image == "registry.example.com/sparkyard/notebook:1"


def test_notebooks_have_the_shares_that_name_their_namespace() -> None:
    assert hub_values(make()).shares == ("sales",)


def test_the_hub_s_python_compiles_and_stands_in_a_file() -> None:
    text = pick(make(), "ConfigMap", "jupyter-hub")["data"]["jupyterhub_config.py"]
    compile(text, "jupyterhub_config.py", "exec")


def test_the_hub_binds_people_to_one_role_and_reads_no_secret() -> None:
    assert rules("jupyter-hub") == {
        *(("pods", verb, "") for verb in ("get", "list", "watch", "create", "delete")),
        *(("events", verb, "") for verb in ("get", "list", "watch")),
        *(("persistentvolumeclaims", verb, "") for verb in ("get", "create")),
        ("serviceaccounts", "create", ""),
        *(("secrets", verb, "") for verb in ("create", "patch")),
        *(("networkpolicies", verb, "") for verb in ("create", "patch")),
        ("rolebindings", "create", ""),
        ("roles", "bind", known.NOTEBOOK_ROLE),
    }
    assert not [item for item in make() if item["kind"].startswith("ClusterRole") and "jupyter" in item["metadata"]["name"]]


def test_a_person_s_account_has_rights_on_pods_alone() -> None:
    pods = {("pods", verb, "") for verb in ("get", "list", "watch", "create", "delete", "deletecollection")}
    assert rules(known.NOTEBOOK_ROLE) == pods | {("resourcequotas", "get", ""), ("resourcequotas", "list", "")}


def test_a_password_for_each_person() -> None:
    data = pick(make(), "Secret", "jupyter-passwords")["data"]
    assert set(data) == {"ann", "bob"}
    assert len({*data.values()}) == 2
    assert all(len(base64.b64decode(value)) == 20 for value in data.values())
    assert not [item for item in make(login={"authenticator": "generic-oauth"}) if item["metadata"]["name"] == "jupyter-passwords"]


def test_the_cookie_secret_is_hexadecimal() -> None:
    secret = base64.b64decode(pick(make(), "Secret", "jupyter-hub")["data"]["cookieSecret"]).decode()
    assert len(bytes.fromhex(secret)) == 32


@pytest.mark.parametrize("namespace", ["sparkyard", "spark-jobs"])
def test_never_beside_the_platform_or_jobs(namespace: str) -> None:
    with pytest.raises(HelmError, match=f"jupyterhub.namespace is {namespace}"):
        make(namespace=namespace)


def test_a_default_profile_must_be_there() -> None:
    with pytest.raises(HelmError, match="defaultProfile is huge"):
        make(defaultProfile="huge")


def test_nothing_reaches_a_notebook_but_hub_and_proxy() -> None:
    objects = make()
    assert pick(objects, "NetworkPolicy", "default-deny", SPACE)["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    [rule] = pick(objects, "NetworkPolicy", "notebook", SPACE)["spec"]["ingress"]
    assert [peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for peer in rule["from"]] == ["jupyter-hub", "jupyter-proxy"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 8888}]
    assert "ingress" not in pick(objects, "NetworkPolicy", "spark", SPACE)["spec"]


def test_nobody_reaches_the_proxy_unless_named() -> None:
    [closed] = pick(make(), "NetworkPolicy", "jupyter-proxy")["spec"]["ingress"]
    assert closed["ports"] == [{"protocol": "TCP", "port": "api"}]
    opened = pick(render(files=(CI / "everything-values.yaml",)), "NetworkPolicy", "jupyter-proxy")["spec"]["ingress"]
    assert opened[1]["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}]


def test_a_new_proxy_or_hub_is_another_pod() -> None:
    pods = list_pods(make())
    assert {"Deployment/jupyter-hub", "Deployment/jupyter-proxy"} <= pods.keys()
    first, other = (list_pods(make(idle={"kernel": seconds}))["Deployment/jupyter-hub"]["metadata"]["annotations"] for seconds in (1, 2))
    assert first != other, "new settings, new pod"


def test_the_account_is_known_to_policies_by_its_name() -> None:
    account = next(item["metadata"]["name"] for item in make_objects(SPACE, "ann", "t", "w") if item["kind"] == "ServiceAccount")
    policy = str(pick(make(), "ValidatingAdmissionPolicy", "sparkyard-notebook-executors"))
    assert f"system:serviceaccount:{SPACE}:{account.removesuffix('ann')}" in policy


# What a real API server says.

IMAGE = "registry.example.com/sparkyard/spark:1"
ANN = f"system:serviceaccount:{SPACE}:notebook-ann"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    kinds = ("Namespace", "ServiceAccount", "Role", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    mine = [item for item in make() if item["kind"] in kinds and item["metadata"]["labels"]["app.kubernetes.io/name"] == "jupyterhub"]
    mine = [item for item in mine if item["metadata"].get("namespace", SPACE) == SPACE]
    people = [item for user in ("ann", "bob") for item in make_objects(SPACE, user, "token", "word") if item["kind"] != "NetworkPolicy"]
    bobs = make_executor()
    bobs["metadata"] |= {"name": "bobs", "labels": {"spark-role": "executor", known.NOTEBOOK_USER_LABEL: "bob"}}
    with run_apiserver("node", tmp_path_factory.mktemp("apiserver")) as api:
        api.apply([item for item in mine if item["kind"] == "Namespace"])
        api.apply([*mine, *people])
        api.apply([bobs, make_executor() | {"metadata": {**make_executor()["metadata"], "name": "anns"}}])
        wait_for_policies(api)
        yield api


def wait_for_policies(api: Api, timeout: float = 30) -> None:
    """The server compiles a policy a moment after it has taken it."""
    deadline = time.monotonic() + timeout
    while not all(api.refusal(make_executor(**changes), ANN) for changes, _ in REFUSED.values()) and time.monotonic() < deadline:
        time.sleep(0.5)


def make_executor(labels: Object | None = None, name: str = "probe", container: Object | None = None, **changes: Any) -> Object:
    """An executor of ann's as Spark makes it of our template, with changes of its spec."""
    pod = copy.deepcopy(make_executor_template(SETTINGS, Sizes(user="ann"), SPACE))
    pod["metadata"] |= {"name": name, "labels": {"spark-role": "executor", **pod["metadata"]["labels"], **(labels or {})}}
    pod["spec"] |= {"serviceAccountName": known.NOTEBOOK_EXECUTOR_ACCOUNT, "volumes": [], **changes}
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


@pytest.mark.apiserver
@pytest.mark.parametrize("changes", LET_IN.values(), ids=LET_IN.keys())
def test_let_in(api: Api, changes: Object) -> None:
    assert api.refusal(make_executor(**changes), ANN) == ""


@pytest.mark.apiserver
@pytest.mark.parametrize(("changes", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_for_its_reason(api: Api, changes: Object, reason: str) -> None:
    refusal = api.refusal(make_executor(**changes), ANN)
    assert re.search(reason, refusal), refusal
    assert "notebook of ann" in refusal


@pytest.mark.apiserver
def test_a_person_deletes_their_own_executors_only(api: Api) -> None:
    def delete(*what: str) -> str:
        return api.kubectl("delete", "pods", "-n", SPACE, "--dry-run=server", "--as", ANN, *what).stderr

    assert delete("anns") == ""
    assert "it may delete executors of ann only" in delete("bobs")
    assert "it may delete executors of ann only" in delete("--selector=spark-role=executor")


@pytest.mark.apiserver
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


@pytest.mark.apiserver
def test_the_hub_cannot_give_more_than_it_may(api: Api) -> None:
    """Escalation: RoleBindings to another Role are refused by the server itself."""
    api.apply([item for item in make() if item["kind"] == "RoleBinding" and item["metadata"].get("namespace") == SPACE])
    [binding] = [item for item in make_objects(SPACE, "eve", "t", "w") if item["kind"] == "RoleBinding"]
    hub = "system:serviceaccount:sparkyard:jupyter-hub"
    assert api.refusal(binding, hub) == ""
    other = json.loads(json.dumps(binding).replace('"name": "notebook"', '"name": "jupyter-hub"'))
    other["roleRef"] = {**binding["roleRef"], "kind": "ClusterRole", "name": "cluster-admin"}
    assert "attempting to grant RBAC permissions not currently held" in api.refusal(other, hub)
