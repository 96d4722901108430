"""JupyterHub: rights, network, Secrets and what leads to it."""

import base64
from typing import Any

import pytest
from charts.render import CI, HelmError, list_pods, pick, render

from sparkyard import names as known
from sparkyard.hub import HubValues, make_objects, make_profile_list, parse_values
from sparkyard.hub.values import PersonQuota

pytestmark = pytest.mark.helm
Object = dict[str, Any]
SPACE = known.NOTEBOOKS_NAMESPACE
SALES = {"name": "sales", "server": "files.example.com", "share": "Sales", "secret": "sales", "namespaces": ["spark-jobs", SPACE]}
CLOSED = {**SALES, "name": "closed", "namespaces": ["spark-jobs"]}


def make(**values: Any) -> list[Object]:
    return render({"jupyterhub": {"users": {"names": ["ann", "bob"]}, **values}, "global": {"shares": [SALES, CLOSED]}})


def hub_values(objects: list[Object]) -> HubValues:
    return parse_values(pick(objects, "ConfigMap", "jupyter-hub")["data"]["values.json"])


def is_mine(item: Object) -> bool:
    return bool(item["metadata"]["labels"]["app.kubernetes.io/name"] == "jupyterhub")


def rules(name: str) -> set[tuple[str, str, str]]:
    found = pick(make(), "Role", name, SPACE)["rules"]
    return {(r, v, ",".join(rule.get("resourceNames", []))) for rule in found for r in rule["resources"] for v in rule["verbs"]}


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
        *(("resourcequotas", verb, "") for verb in ("create", "patch")),
        *(("secrets", verb, "") for verb in ("create", "patch")),
        *(("networkpolicies", verb, "") for verb in ("create", "patch")),
        ("rolebindings", "create", ""),
        ("roles", "bind", known.NOTEBOOK_ROLE),
    }
    [cluster] = [item for item in make() if item["kind"] == "ClusterRole" and is_mine(item)]
    assert cluster["rules"] == [{"apiGroups": ["scheduling.k8s.io"], "resources": ["priorityclasses"], "verbs": ["create"]}]


def test_without_quotas_of_people_nothing_of_the_cluster_s_is_the_hub_s() -> None:
    objects = make(quota={"person": {"enabled": False}})
    assert not [item for item in objects if item["kind"].startswith("ClusterRole") and is_mine(item)]
    assert hub_values(objects).person_quota.enabled is False
    assert "resourcequotas" not in str(pick(objects, "Role", "jupyter-hub", SPACE)["rules"])
    assert hub_values(make()).person_quota == PersonQuota(enabled=True, cpu="8000m", memory="32768Mi", pods="40")


def test_a_person_s_account_has_rights_on_pods_alone() -> None:
    pods = {("pods", verb, "") for verb in ("get", "list", "watch", "create", "delete", "deletecollection")}
    assert rules(known.NOTEBOOK_ROLE) == pods | {("resourcequotas", "get", ""), ("resourcequotas", "list", "")}


def test_a_password_for_each_person() -> None:
    data = pick(make(), "Secret", known.JUPYTER_LOGIN_SECRET)["data"]
    assert set(data) == {"ann", "bob"}
    assert len({*data.values()}) == 2
    assert all(len(base64.b64decode(value)) == 20 for value in data.values())
    assert not [item for item in make(login={"authenticator": "generic-oauth"}) if item["metadata"]["name"] == "jupyter-passwords"]


def test_the_cookie_secret_is_hexadecimal() -> None:
    secret = base64.b64decode(pick(make(), "Secret", "jupyter-hub")["data"]["cookieSecret"]).decode()
    assert len(bytes.fromhex(secret)) == 32


@pytest.mark.parametrize("namespace", ["sparkyard", "spark-jobs"])
def test_never_beside_the_platform_or_jobs(namespace: str) -> None:
    with pytest.raises(HelmError, match=f"global.notebooks.namespace is {namespace}"):
        render({"global": {"notebooks": {"namespace": namespace}}})


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


def test_a_gateway_leads_to_the_proxy_where_one_is_named() -> None:
    assert not [item for item in make() if item["kind"] in ("Ingress", "HTTPRoute")]
    objects = make(gateway={"host": "hub.example.com", "parents": [{"name": "public", "namespace": "gateways"}]})
    spec = pick(objects, "HTTPRoute", "jupyter-proxy")["spec"]
    assert spec["parentRefs"] == [{"name": "public", "namespace": "gateways"}]
    assert spec["hostnames"] == ["hub.example.com"]
    [backend] = spec["rules"][0]["backendRefs"]
    assert backend["port"] in [port["port"] for port in pick(objects, "Service", backend["name"])["spec"]["ports"]]
    with pytest.raises(HelmError, match=r"gateway\.parents is empty"):
        make(gateway={"host": "hub.example.com"})


def test_a_new_proxy_or_hub_is_another_pod() -> None:
    pods = list_pods(make())
    assert {"Deployment/jupyter-hub", "Deployment/jupyter-proxy"} <= pods.keys()
    first, other = (list_pods(make(idle={"kernel": seconds}))["Deployment/jupyter-hub"]["metadata"]["annotations"] for seconds in (1, 2))
    assert first != other, "new settings, new pod"


def test_the_account_is_known_to_policies_by_its_name() -> None:
    account = next(item["metadata"]["name"] for item in make_objects(SPACE, "ann", "t", "w") if item["kind"] == "ServiceAccount")
    policy = str(pick(make(), "ValidatingAdmissionPolicy", "sparkyard-notebook-executors"))
    assert f"system:serviceaccount:{SPACE}:{account.removesuffix('ann')}" in policy


def hub_pod(objects: list[Object]) -> Object:
    return list_pods(objects)["Deployment/jupyter-hub"]


def env(container: Object) -> dict[str, Any]:
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container["env"]}


def volume_names(pod: Object) -> set[str]:
    return {volume["name"] for volume in pod["spec"]["volumes"] if "persistentVolumeClaim" in volume}


def test_the_hub_s_database_is_a_file_on_a_claim_unless_told_otherwise() -> None:
    objects = make()
    assert volume_names(hub_pod(objects)) == {"data"}
    assert "initContainers" not in hub_pod(objects)["spec"]
    assert hub_values(objects).database is False
    own = make(database={"secret": "hub-database"})
    assert volume_names(hub_pod(own)) == set()
    assert env(hub_pod(own)["spec"]["containers"][0])["SPARKYARD_HUB_DATABASE"] == {"secretKeyRef": {"name": "hub-database", "key": "url"}}


def test_a_database_on_the_lake_s_server_is_made_before_the_hub_starts() -> None:
    objects = make(database={"lake": True})
    pod = hub_pod(objects)
    assert volume_names(pod) == set()
    assert hub_values(objects).database is True
    [making], [hub] = pod["spec"]["initContainers"], pod["spec"]["containers"]
    own = {"PGHOST": "lake-postgresql.sparkyard.svc", "PGUSER": "jupyterhub", "PGDATABASE": "jupyterhub"}
    for container in (making, hub):
        assert own.items() <= env(container).items()
        assert env(container)["PGPASSWORD"] == {"secretKeyRef": {"name": "jupyter-hub", "key": "database"}}
    assert "POSTGRES_PASSWORD" in env(making)
    assert "POSTGRES_PASSWORD" not in env(hub), "the hub holds the password of the lake's own user"
    assert pod["metadata"]["labels"]["sparkyard.dev/lake-client"] == "true"
    egress = pick(objects, "NetworkPolicy", "jupyter-hub")["spec"]["egress"]
    assert [{"protocol": "TCP", "port": 5432}] in [rule["ports"] for rule in egress]
    assert [{"protocol": "TCP", "port": 5432}] not in [
        rule["ports"] for rule in pick(make(), "NetworkPolicy", "jupyter-hub")["spec"]["egress"]
    ]


def test_where_the_lake_has_tls_its_database_is_known_by_name() -> None:
    shared = {"lake": {"tlsSecret": "lake-tls"}, "trustedCa": {"configMap": "site"}}
    spec = hub_pod(render({"jupyterhub": {"database": {"lake": True}}, "global": shared}))["spec"]
    for container in (*spec["initContainers"], *spec["containers"]):
        assert env(container)["PGSSLMODE"] == "verify-full"
        assert env(container)["PGSSLROOTCERT"] in [f"{mount['mountPath']}/ca.crt" for mount in container["volumeMounts"]]


def test_the_hub_has_one_database() -> None:
    with pytest.raises(HelmError, match="the hub has one database"):
        make(database={"lake": True, "secret": "hub-database"})


def test_an_identity_provider_is_reached_as_the_site_says() -> None:
    shared = {
        "trustedCa": {"configMap": "site"},
        "proxy": {"http": "http://proxy:3128", "https": "http://proxy:3128", "noProxy": ".example.com"},
    }
    spec = hub_pod(render({"global": shared}))["spec"]
    said = env(spec["containers"][0])
    assert (said["https_proxy"], said["no_proxy"]) == ("http://proxy:3128", ".example.com,.svc,$(KUBERNETES_SERVICE_HOST)")
    assert "http_proxy" not in said, "the hub speaks http to its proxy and to servers"
    assert said["SSL_CERT_FILE"] in [f"{mount['mountPath']}/ca.crt" for mount in spec["containers"][0]["volumeMounts"]]
    plain = env(hub_pod(make())["spec"]["containers"][0])
    assert not {"https_proxy", "no_proxy", "SSL_CERT_FILE"} & plain.keys()
