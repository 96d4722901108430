"""The doctor's judgement of what a cluster says of itself."""

from typing import Any

import pytest

from sparkyard.runs.doctor import check_admission, check_nodes, check_storage, check_version, parse_cores
from sparkyard.runs.probe import make_pod


def make_node(cores: str, ready: str = "True") -> dict[str, Any]:
    return {"status": {"allocatable": {"cpu": cores}, "conditions": [{"type": "Ready", "status": ready}]}}


def make_class(name: str, default: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "annotations": {"storageclass.kubernetes.io/is-default-class": default}}}


@pytest.mark.parametrize(("minor", "verdict"), [("29", "fail"), ("30", "ok"), ("31+", "ok"), ("35", "ok")])
def test_versions(minor: str, verdict: str) -> None:
    assert check_version({"major": "1", "minor": minor, "gitVersion": f"v1.{minor}.0"}).verdict == verdict


def test_admission_policies_must_be_served() -> None:
    assert check_admission({"resources": [{"name": "validatingadmissionpolicies"}]}).verdict == "ok"
    assert check_admission({"resources": [{"name": "validatingwebhookconfigurations"}]}).verdict == "fail"


def test_a_cluster_without_a_default_storage_class_is_warned_of() -> None:
    assert check_storage([make_class("fast", "true")]).words == "fast is the default"
    assert check_storage([make_class("slow", "false")]).words.startswith("none is the default (there are: slow)")


@pytest.mark.parametrize(
    ("nodes", "verdict", "words"),
    [
        ([make_node("8"), make_node("7910m")], "ok", "2 with 15.91 cores"),
        ([make_node("2")], "warn", "--preset small-node"),
        ([make_node("8"), make_node("8", "Unknown")], "warn", "1 of them not ready"),
    ],
)
def test_nodes(nodes: list[dict[str, Any]], verdict: str, words: str) -> None:
    finding = check_nodes(nodes)
    assert finding.verdict == verdict
    assert words in finding.words


def test_cores() -> None:
    assert [parse_cores(text) for text in ("2", "1500m", "0.5")] == [2, 1.5, 0.5]


def test_the_probes_pods_pass_pod_security_restricted() -> None:
    spec = make_pod("open", "image", [])["spec"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["containers"][0]["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
