"""A Spark Connect server for a team: restricted pods, bound as one more person is, and reached through the door alone."""

import base64
import json
from typing import Any

import pytest
from charts.render import CI, HelmError, list_containers, names, pick, render
from cryptography import x509

from sparkyard.hub import HubValues, make_additions, parse_values
from sparkyard.project import load_versions
from sparkyard.settings import PlatformSettings, Share, TrustedCa

pytestmark = pytest.mark.helm
Object = dict[str, Any]
SPACE = "spark-notebooks"
TEAMS = {"sales": {"users": ["ann"], "executors": {"max": 5}}, "lab": {"groups": ["lab"], "server": {"driverMemory": "2g"}}}
SHARE = {"name": "sales", "server": "files.example.com", "share": "Sales", "secret": "sales", "namespaces": [SPACE]}
PLATFORM = PlatformSettings(shares=(Share(name="sales", mount_path="/shares/sales"),), trusted_ca=TrustedCa(config_map="site-ca"))


def make(teams: Object | None = None, **values: Any) -> list[Object]:
    shared = {"shares": [SHARE], "trustedCa": {"configMap": "site-ca"}, "notebooks": {"teams": TEAMS if teams is None else teams}}
    return render({"jupyterhub": {"connect": values}, "global": shared})


def hub_values(objects: list[Object]) -> HubValues:
    return parse_values(pick(objects, "ConfigMap", "jupyter-hub")["data"]["values.json"])


def get_pod(objects: list[Object], team: str = "sales") -> Object:
    return dict(pick(objects, "SparkConnect", f"connect-{team}", SPACE)["spec"]["server"]["template"])


def test_no_teams_no_servers() -> None:
    added = {name for _, name in names(make()) - names(make({}))}
    assert added == {
        *(f"{SPACE}/connect-{team}" for team in TEAMS),
        *(f"{SPACE}/connect-{team}-{role}" for team in TEAMS for role in ("connect-server", "executor")),
        *(f"{SPACE}/{name}" for name in ("connect", "connect-client", "spark-operator-controller")),
        *(f"sparkyard/{name}" for name in ("jupyter-connect", "jupyter-connect-tls", "jupyter-connect-tokens")),
    }


def test_the_server_s_pod_is_restricted_and_bounded() -> None:
    for objects in (make(), render(files=(CI / "everything-values.yaml",))):
        for pod in (item["spec"]["server"]["template"] for item in objects if item["kind"] == "SparkConnect"):
            assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
            assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            for container in list_containers(pod):
                security = container["securityContext"]
                assert security["readOnlyRootFilesystem"] is security["runAsNonRoot"] is True
                assert security["allowPrivilegeEscalation"] is False
                assert security["capabilities"] == {"drop": ["ALL"]}
                assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
                assert "memory" in container["resources"]["limits"]
            assert all("sizeLimit" in volume["emptyDir"] for volume in pod["spec"]["volumes"] if "emptyDir" in volume)
            [server] = pod["spec"]["containers"]
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= server.keys()


def test_the_server_sees_what_a_notebook_sees() -> None:
    """The chart writes down what scripts/sparkyard gives a notebook: secrets, shares and authorities at the same places."""
    objects = make()
    [server] = get_pod(objects)["spec"]["containers"]
    notebook = make_additions(PLATFORM, hub_values(objects), "connect--sales", "small")
    mounted = {(mount["mountPath"], mount.get("mountPropagation")) for mount in server["volumeMounts"]}
    assert {(mount["mountPath"], mount.get("mountPropagation")) for mount in notebook["mounts"]} <= mounted
    sources = [{key: value for key, value in volume.items() if key != "name"} for volume in get_pod(objects)["spec"]["volumes"]]
    assert all(
        {key: value for key, value in volume.items() if key != "name"} in sources
        for volume in notebook["volumes"]
        if "emptyDir" not in volume
    )
    assert server["envFrom"] == notebook["envFrom"]
    own = {entry["name"]: entry.get("value") for entry in server["env"]}
    wanted = {"PGSERVICEFILE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"}
    assert {entry["name"]: entry["value"] for entry in notebook["env"] if entry["name"] in wanted} == {name: own[name] for name in wanted}


def test_the_sites_proxy_and_place_reach_the_server() -> None:
    objects = render(files=(CI / "everything-values.yaml",))
    pod = pick(objects, "SparkConnect", "connect-sales", "notebooks")["spec"]["server"]["template"]["spec"]
    [server] = pod["containers"]
    assert {"name": "https_proxy", "value": "http://proxy.example.com:3128"} in server["env"]
    assert pod["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert pod["imagePullSecrets"] == [{"name": "registry"}]


def test_no_secret_stands_in_plain_sight() -> None:
    for item in make():
        if item["kind"] in ("SparkConnect", "ConfigMap", "Deployment"):
            tokens = [base64.b64decode(value).decode() for value in pick(make(), "Secret", "jupyter-connect-tokens")["data"].values()]
            assert not [token for token in tokens if token in json.dumps(item)], item["metadata"]["name"]
    [server] = get_pod(make())["spec"]["containers"]
    entry = next(entry for entry in server["env"] if entry["name"] == "SPARK_CONNECT_AUTHENTICATE_TOKEN")
    assert entry["valueFrom"] == {"secretKeyRef": {"name": "notebook-token-connect--sales", "key": "token"}}


def test_the_server_s_account_is_bound_as_a_person_s_is() -> None:
    """By the policies sparkyard-notebook-…, which know accounts by their prefix; its executors carry the object's labels."""
    objects = make()
    assert get_pod(objects)["spec"]["serviceAccountName"] == "notebook-connect--sales"
    labels = pick(objects, "SparkConnect", "connect-sales")["metadata"]["labels"]
    assert (
        labels["sparkyard.dev/notebook-user"] == get_pod(objects)["metadata"]["labels"]["sparkyard.dev/notebook-user"] == "connect--sales"
    )
    policy = str(pick(objects, "ValidatingAdmissionPolicy", "sparkyard-notebook-executors"))
    harmless = {"app.kubernetes.io/part-of", "app.kubernetes.io/managed-by"}
    assert all(name in policy for name in harmless)
    assert {name for name in labels if name.startswith("app.kubernetes.io/")} == harmless, "others would be refused on executors"


def test_sizes_are_the_team_s_or_small() -> None:
    sizes = {}
    for team in TEAMS:
        [first] = get_pod(make(), team)["spec"]["initContainers"]
        [text] = [entry["value"] for entry in first["env"] if entry["name"] == "SPARKYARD_NOTEBOOK_SIZES"]
        sizes[team] = json.loads(text)
    assert sizes["sales"] == {"user": "connect--sales", "driverMemory": "1g", "max": 5, "cores": 1, "memory": "1g"}
    assert (sizes["lab"]["driverMemory"], sizes["lab"]["max"]) == ("2g", 2)


def test_the_door_knows_the_teams_and_their_servers() -> None:
    door = json.loads(pick(make(), "ConfigMap", "jupyter-connect")["data"]["values.json"])
    assert door["hub"] == "http://jupyter-hub.sparkyard.svc:8081/hub/api"
    assert door["servers"]["sales"] == {"users": ["ann"], "groups": [], "address": f"connect-sales-server.{SPACE}.svc:15002"}
    values = hub_values(make())
    assert values.connect.address == "jupyter-connect.sparkyard.svc:15002"
    assert values.connect.teams["lab"].groups == ("lab",)


def test_only_the_door_reaches_a_server_and_only_notebooks_the_door() -> None:
    objects = make()
    server = pick(objects, "NetworkPolicy", "connect", SPACE)["spec"]
    assert server["podSelector"] == {"matchLabels": {"spark-role": "connect-server"}}
    [rule] = server["ingress"]
    [peer] = rule["from"]
    assert peer["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "jupyter-connect"}
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "sparkyard"}
    [own] = pick(objects, "NetworkPolicy", "connect-sales-connect-server", SPACE)["spec"]["ingress"]
    assert [port["port"] for port in own["ports"]] == [7078, 7079], "executors call the driver back, and nothing else of it"
    door = pick(objects, "NetworkPolicy", "jupyter-connect", "sparkyard")["spec"]["ingress"]
    assert [rule["ports"][0]["port"] for rule in door] == ["grpc", "metrics"]
    assert door[0]["from"][0]["podSelector"] == {"matchLabels": {"sparkyard.dev/notebook": "true"}}


def test_the_certificate_is_for_the_address_that_notebooks_call() -> None:
    data = pick(make(), "Secret", "jupyter-connect-tls")["data"]
    certificate, authority = (x509.load_pem_x509_certificate(base64.b64decode(data[key])) for key in ("tls.crt", "ca.crt"))
    certificate.verify_directly_issued_by(authority)
    said = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    assert "jupyter-connect.sparkyard.svc" in said
    assert set(data) == {"ca.crt", "tls.crt", "tls.key"}, "the authority's key is kept nowhere"


def test_a_certificate_of_the_site_takes_its_place() -> None:
    objects = make(tlsSecret="own-tls")
    assert ("Secret", "sparkyard/jupyter-connect-tls") not in names(objects)
    volumes = pick(objects, "Deployment", "jupyter-connect")["spec"]["template"]["spec"]["volumes"]
    assert [volume["secret"]["secretName"] for volume in volumes if volume["name"] == "tls"] == ["own-tls"]


def test_the_hub_reads_the_authority_and_no_key() -> None:
    volumes = pick(make(), "Deployment", "jupyter-hub")["spec"]["template"]["spec"]["volumes"]
    [authority] = [volume["secret"] for volume in volumes if volume["name"] == "connect-authority"]
    assert authority["items"] == [{"key": "ca.crt", "path": "ca.crt"}]


@pytest.mark.parametrize("team", ["-x", "a--b", "Sales", "a" * 21, "x-"])
def test_a_team_s_name_fits_and_is_nobody_else_s(team: str) -> None:
    with pytest.raises(HelmError, match="don't meet the specifications"):
        make({team: {"users": ["ann"]}})


def test_the_operator_looks_after_the_namespace_and_its_webhook_does_not() -> None:
    objects = make()

    def namespaces(part: str) -> str:
        [container] = pick(objects, "Deployment", f"spark-operator-{part}")["spec"]["template"]["spec"]["containers"]
        return str(next(word for word in container["args"] if word.startswith("--namespaces=")))

    assert namespaces("controller") == f"--namespaces=spark-jobs,{SPACE}"
    assert namespaces("webhook") == "--namespaces=spark-jobs"
    assert ("Role", f"{SPACE}/spark-operator-controller") in names(objects)
    assert ("Role", f"{SPACE}/spark-operator-webhook") not in names(objects)


def test_its_spark_is_the_image_s() -> None:
    assert pick(make(), "SparkConnect", "connect-sales")["spec"]["sparkVersion"] == load_versions()["SPARK_VERSION"]
