"""What the doctor finds on an installed platform: an API server that has moved, and what the site has not made."""

from pathlib import Path
from typing import Any

import pytest
from unit.kube.fake_api import serve

from sparkyard.kube import Kube
from sparkyard.runs.doctor import check_api_server, check_needed
from sparkyard.runs.standing import DEFAULT, POLICIES, SLICE, ApiServer, explain_policies, list_needed
from sparkyard.runs.values import load_defaults, merge

SERVER = ApiServer(("10.0.0.1", "10.0.0.2"), (6443,), "10.96.0.1")
DNS = {"to": [{"namespaceSelector": {}}], "ports": [{"port": 53}]}
SITE = {"to": [{"ipBlock": {"cidr": "192.168.0.0/16"}}], "ports": [{"port": 1433}]}


def make_policy(*cidrs: str, name: str = "driver", ports: tuple[int, ...] = (443, 6443)) -> dict[str, Any]:
    rule = {"to": [{"ipBlock": {"cidr": cidr}} for cidr in cidrs], "ports": [{"protocol": "TCP", "port": port} for port in ports]}
    return {"metadata": {"namespace": "spark-jobs", "name": name}, "spec": {"egress": [DNS, SITE, rule]}}


def test_policies_that_name_all_addresses_are_well() -> None:
    both = make_policy("10.0.0.1/32", "10.0.0.2/32", "10.96.0.1/32")
    assert explain_policies(SERVER, [both, {"metadata": {}, "spec": {"podSelector": {}}}], []) == ""
    assert explain_policies(SERVER, [make_policy("0.0.0.0/0", "::/0")], []) == "", "as helm template writes it"
    assert explain_policies(SERVER, [make_policy("10.0.0.0/24")], ["10.0.0.0/24"]) == ""


def test_an_address_that_came_after_the_installation_is_named_with_the_command() -> None:
    old = [make_policy("10.0.0.1/32", "10.96.0.1/32", name=name) for name in ("driver", "a")]
    assert explain_policies(SERVER, old, []) == (
        "the API server is at 10.0.0.2 too, which is not in the network policy spark-jobs/a and 1 more: its pods wait in vain; "
        "sparkyard install --reuse-values"
    )


def test_a_port_that_came_after_it_too() -> None:
    words = explain_policies(SERVER, [make_policy("10.0.0.0/24", "10.96.0.1/32", ports=(443,))], [])
    assert words.startswith("the API server is at port 6443 too, which is not in the network policy spark-jobs/driver:")


def test_addresses_that_the_site_gave_are_its_to_correct() -> None:
    words = explain_policies(SERVER, [make_policy("10.0.0.1/32", ports=(443,))], ["10.0.0.1/32"])
    assert "--set 'global.apiServer.cidrs=[10.0.0.1/32, 10.0.0.2/32]' --set 'global.apiServer.ports=[6443]'" in words


def test_an_address_of_the_sixth_version() -> None:
    server = ApiServer(("fd00::2",), (6443,), "fd00::1")
    assert explain_policies(server, [make_policy("fd00::2/128", "fd00::1/128")], []) == ""
    assert "fd00::2 too" in explain_policies(server, [make_policy("fd00::3/128", "fd00::1/128")], [])


NAMED = {"global": {"imagePullSecrets": ["pull"], "trustedCa": {"configMap": "ca"}}}
ALONE = {"global": {"notebooks": {"enabled": False}}}
OFF = {"enabled": False}
SHARES = {"global": {"shares": [{"name": "risk"}]}}


@pytest.mark.parametrize(
    ("more", "secrets", "authorities"),
    [
        (ALONE, ["sparkyard", "spark-jobs"], ["spark-jobs", "sparkyard"]),
        (ALONE | {"history": OFF}, ["sparkyard", "spark-jobs"], ["spark-jobs", "sparkyard"]),
        (ALONE | {"history": OFF, "airflow": OFF}, ["sparkyard", "spark-jobs"], ["spark-jobs"]),
        (
            {"history": OFF, "airflow": OFF},
            ["sparkyard", "spark-jobs", "spark-notebooks"],
            ["spark-jobs", "spark-notebooks", "sparkyard"],
        ),
        (SHARES, ["sparkyard", "spark-jobs", "spark-notebooks", "sparkyard-shares"], ["spark-jobs", "spark-notebooks", "sparkyard"]),
    ],
)
def test_what_the_site_has_to_make_and_where(more: dict[str, Any], secrets: list[str], authorities: list[str]) -> None:
    needed = list(list_needed(merge(merge(load_defaults(), NAMED), more), "sparkyard"))
    assert [place for kind, place, name in needed if (kind, name) == ("secrets", "pull")] == secrets
    assert [place for kind, place, name in needed if (kind, name) == ("configmaps", "ca")] == authorities


def test_the_cluster_is_asked(tmp_path: Path) -> None:
    there: dict[str, Any] = {
        SLICE: {"endpoints": [{"addresses": ["10.0.0.2"]}], "ports": [{"port": 6443}]},
        DEFAULT: {"spec": {"clusterIP": "10.96.0.1"}},
        POLICIES: {"items": [make_policy("10.0.0.1/32", "10.96.0.1/32")]},
        "/api/v1/namespaces/spark-jobs/secrets/pull": {},
    }
    values = merge(merge(load_defaults(), ALONE), {"global": {"imagePullSecrets": ["pull"]}})
    with serve(lambda _, path, __: (200, there[path.split("?")[0]]) if path.split("?")[0] in there else (404, {}), tmp_path) as path:
        kube = Kube(path)
        api, own = check_api_server(kube, values), check_needed(kube, values, "sparkyard")
        assert api is not None
        assert own is not None
        assert (api.verdict, own.verdict) == ("fail", "warn")
        assert own.words.endswith(": Secret sparkyard/pull")
        authorities = check_needed(kube, merge(values, NAMED), "sparkyard")
        assert authorities is not None
        assert authorities.verdict == "fail"
        assert authorities.words.endswith("ConfigMap spark-jobs/ca, ConfigMap sparkyard/ca")
        assert check_api_server(kube, {}) is check_needed(kube, {}, "sparkyard") is None, "nothing is installed"
        del there[SLICE]
        assert check_api_server(kube, values) is None
