"""The job namespaces: rights, quota, network."""

import base64
from typing import Any

import pytest
from charts.render import CI, IMAGES, PRESETS, HelmError, names, pick, render

pytestmark = pytest.mark.helm
Object = dict[str, Any]


def rights(name: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for rule in pick(render(), "Role", name, "spark-jobs")["rules"]:
        for resource in rule["resources"]:
            found.setdefault(resource, set()).update(rule["verbs"])
    return found


def list_policies(objects: list[Object], kind: str) -> list[Object]:
    """Those of jobs."""
    return [item for item in objects if item["kind"] == kind and item["metadata"]["name"].startswith("sparkyard-job-")]


def test_a_driver_has_rights_on_pods_only() -> None:
    assert rights("spark-driver") == {"pods": {"get", "list", "watch", "create", "delete", "deletecollection"}}


def test_spark_submit_may_submit_and_follow() -> None:
    assert rights("spark-submit") == {
        "pods": {"get", "list", "watch", "create", "delete"},
        "pods/log": {"get"},
        "services": {"get", "create", "patch"},
        "configmaps": {"get", "create", "patch"},
    }


def test_the_word_of_drivers_and_executors_is_made_once_or_brought_by_the_site() -> None:
    first, again = (pick(render(kube=kube), "Secret", "spark-rpc", "spark-jobs") for kube in ("1.35.4", "1.36.3"))
    assert first["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert len(base64.b64decode(first["data"]["secret"])) == 64
    assert first["data"] != again["data"], "without a cluster nothing can be looked up: that is what `existing` is for"
    assert ("Secret", "spark-jobs/spark-rpc") not in names(render({"jobs": {"rpc": {"existing": True}}}))


def test_executors_have_no_rights_and_no_token() -> None:
    objects = render()
    bound = {subject["name"] for item in objects if item["kind"].endswith("RoleBinding") for subject in item["subjects"]}
    assert "spark-executor" not in bound
    accounts = {name: pick(objects, "ServiceAccount", f"spark-{name}", "spark-jobs") for name in ("driver", "executor", "submit")}
    tokens = {name: account["automountServiceAccountToken"] for name, account in accounts.items()}
    assert tokens == {"driver": True, "executor": False, "submit": False}


def test_no_setting_changes_the_drivers_class() -> None:
    everything = (
        pick(render(files=(CI / f"{name}-values.yaml",)), "PriorityClass", "sparkyard-driver") for name in ("default", "everything")
    )
    assert [(item["value"], item["preemptionPolicy"]) for item in everything] == [(1000, "Never")] * 2
    with pytest.raises(HelmError, match="driverPriority"):
        render({"jobs": {"driverPriority": {"value": 5}}})


@pytest.mark.parametrize("files", [(IMAGES,), (IMAGES, PRESETS / "small-node.yaml")], ids=["default", "small-node"])
def test_drivers_alone_cannot_fill_the_quota(files: Any) -> None:
    objects = render(files=files)
    whole = pick(objects, "ResourceQuota", "jobs")["spec"]
    drivers = pick(objects, "ResourceQuota", "drivers")["spec"]
    assert drivers["scopeSelector"]["matchExpressions"] == [
        {"scopeName": "PriorityClass", "operator": "In", "values": ["sparkyard-driver"]}
    ]
    for resource, hard in whole["hard"].items():
        assert 2 * int(drivers["hard"][resource].rstrip("mMi")) <= int(hard.rstrip("mMi")), resource


def test_small_node_has_room_for_a_job_of_three_pods() -> None:
    objects = render(files=(IMAGES, PRESETS / "small-node.yaml"))
    assert int(pick(objects, "ResourceQuota", "jobs")["spec"]["hard"]["requests.cpu"].rstrip("m")) >= 800
    assert int(pick(objects, "ResourceQuota", "drivers")["spec"]["hard"]["requests.cpu"].rstrip("m")) >= 200


def test_each_namespace_has_it_all() -> None:
    objects = render({"global": {"jobs": {"namespaces": ["spark-jobs", "team-b"]}}})
    spaced = {(kind, name) for kind, name in names(objects) if name.startswith(("spark-jobs/", "team-b/"))}
    assert {(kind, name.replace("spark-jobs/", "team-b/")) for kind, name in spaced} == {
        item for item in spaced if item[1].startswith("team-b/")
    }
    for item in list_policies(objects, "ValidatingAdmissionPolicyBinding"):
        [selector] = item["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
        assert selector["values"] == ["spark-jobs", "team-b"]


def test_nothing_is_open_that_no_policy_opens() -> None:
    deny = pick(render(), "NetworkPolicy", "default-deny", "spark-jobs")["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_only_drivers_reach_the_api_server_and_the_catalog() -> None:
    objects = render({"global": {"apiServer": {"cidrs": ["10.1.2.3/32"], "ports": [6443]}}})
    driver = pick(objects, "NetworkPolicy", "driver", "spark-jobs")["spec"]
    assert driver["podSelector"] == {"matchLabels": {"spark-role": "driver"}}
    assert driver["egress"][1] == {"to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}], "ports": [{"protocol": "TCP", "port": 6443}]}
    others = [item for item in objects if item["kind"] == "NetworkPolicy" and item["metadata"]["namespace"] == "spark-jobs"]
    assert sum("10.1.2.3/32" in str(item) for item in others) == 1


def test_a_site_adds_its_databases_and_shares() -> None:
    objects = render(files=(CI / "everything-values.yaml",))
    spark = pick(objects, "NetworkPolicy", "spark", "team-b")["spec"]
    assert spark["egress"][-1]["to"] == [{"ipBlock": {"cidr": "10.20.0.0/16"}}]
    scraped = [rule for rule in spark["ingress"] if "ports" in rule]
    assert [peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for peer in scraped[0]["from"]] == ["monitoring", "ops"]


def test_network_policies_can_be_left_to_the_site() -> None:
    assert not [item for item in render({"global": {"networkPolicies": {"enabled": False}}}) if item["kind"] == "NetworkPolicy"]


def test_any_build_of_the_spark_image_is_allowed_and_nothing_that_only_begins_like_it() -> None:
    """Registry port, tag and digest are told apart."""
    policy = str(pick(render(files=(CI / "everything-values.yaml",)), "ValidatingAdmissionPolicy", "sparkyard-job-images"))
    own = "registry.example.com:5000/sparkyard/spark"
    assert f'["{own}:","{own}@","registry.example.com/team-b/"]' in policy


def test_without_policies_of_ours_the_site_has_its_own() -> None:
    objects = render({"jobs": {"admission": {"enabled": False}}})
    assert not list_policies(objects, "ValidatingAdmissionPolicy")


def test_dns_is_where_the_site_says() -> None:
    """Not there and at our default place too."""
    [rule] = pick(render(files=(CI / "everything-values.yaml",)), "NetworkPolicy", "dns", "team-b")["spec"]["egress"]
    assert rule["to"][0]["podSelector"]["matchLabels"] == {"dns.operator.openshift.io/daemonset-dns": "default"}
    assert {port["port"] for port in rule["ports"]} == {5353}
    cached = render({"global": {"networkPolicies": {"dns": {"cidrs": ["169.254.20.10/32"]}}}})
    [rule] = pick(cached, "NetworkPolicy", "dns", "spark-jobs")["spec"]["egress"]
    assert [list(peer) for peer in rule["to"]] == [["namespaceSelector", "podSelector"], ["ipBlock"]]
