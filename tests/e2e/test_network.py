"""Each NetworkPolicy closes a door that is open without it: closed while the enforcer works, open after its clean-up."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from sparkyard.project import ROOT

pytestmark = pytest.mark.cluster
JOBS, PLATFORM, OUTSIDE = "spark-jobs", "sparkyard", "e2e-outside"
LISTEN = "import http.server; http.server.ThreadingHTTPServer(('', 9000), http.server.SimpleHTTPRequestHandler).serve_forever()"
CONNECT = "import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3)"
ATTEMPTS = 3


@dataclass(frozen=True)
class Door:
    """From whom to which pod and port. `source` is (namespace, labels of a pod with Python in it)."""

    policy: str
    source: tuple[str, str]
    target: tuple[str, str]
    port: int
    open: bool = False


DRIVER, EXECUTOR, PLAIN = ((JOBS, f"e2e=e2e-{name}") for name in ("driver", "executor", "plain"))
STRANGER = (OUTSIDE, "e2e=e2e-stranger")
BARE = (PLATFORM, "e2e=e2e-bare")  # a pod of no part of the platform


def platform(name: str) -> tuple[str, str]:
    return (PLATFORM, f"app.kubernetes.io/name={name}")


OPERATOR, OPERATOR_WEBHOOK, DEFAULTS = map(platform, ("spark-operator-controller", "spark-operator-webhook", "sparkyard-defaults"))
S3, DATABASE, HISTORY = platform("lake-s3"), platform("lake-postgresql"), platform("spark-history")
DOORS = [
    Door("spark-jobs/default-deny", PLAIN, STRANGER, 9000),
    Door("spark-jobs/default-deny", STRANGER, PLAIN, 9000),
    Door("spark-jobs/dns", PLAIN, ("kube-system", "k8s-app=kube-dns"), 53, open=True),
    Door("spark-jobs/dns", PLAIN, ("kube-system", "k8s-app=kube-dns"), 8181),
    Door("spark-jobs/spark", DRIVER, EXECUTOR, 9000, open=True),
    Door("spark-jobs/spark", EXECUTOR, DRIVER, 9000, open=True),
    Door("spark-jobs/spark", EXECUTOR, S3, 7070, open=True),
    Door("spark-jobs/spark", PLAIN, DRIVER, 9000),
    Door("spark-jobs/spark", EXECUTOR, STRANGER, 9000),
    Door("spark-jobs/driver", DRIVER, DATABASE, 5432, open=True),
    Door("spark-jobs/driver", EXECUTOR, DATABASE, 5432),
    Door("spark-jobs/driver", DRIVER, STRANGER, 9000),
    Door("sparkyard/default-deny", BARE, STRANGER, 9000),
    Door("sparkyard/default-deny", STRANGER, BARE, 9000),
    Door("sparkyard/lake-s3", DRIVER, S3, 7070, open=True),
    Door("sparkyard/lake-s3", STRANGER, S3, 7070),
    Door("sparkyard/lake-postgresql", STRANGER, DATABASE, 5432),
    Door("sparkyard/lake-catalog", ("sparkyard", "e2e=e2e-catalog"), STRANGER, 9000),
    Door("sparkyard/spark-history", HISTORY, S3, 7070, open=True),
    Door("sparkyard/spark-history", HISTORY, STRANGER, 9000),
    Door("sparkyard/spark-history", STRANGER, HISTORY, 18080),
    Door("sparkyard/spark-operator-controller", STRANGER, OPERATOR, 8080),
    Door("sparkyard/spark-operator-webhook", STRANGER, OPERATOR_WEBHOOK, 8080),
    Door("sparkyard/sparkyard-defaults", DEFAULTS, STRANGER, 9000),
]


def make_pod(namespace: str, name: str, image: str, labels: dict[str, str], **spec: Any) -> dict[str, Any]:
    container = {
        "name": "probe",
        "image": image,
        "command": ["python3", "-c", LISTEN],
        "resources": {"requests": {"cpu": "5m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "runAsUser": 185, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"containers": [container], "securityContext": security, "automountServiceAccountToken": False, **spec}
    spec |= {"terminationGracePeriodSeconds": 0}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"e2e": name, **labels}},
        "spec": spec,
    }


@pytest.fixture(scope="module")
def pods(yard: Any, settings: Path) -> Iterator[None]:
    """Probes: what a driver, an executor, another job pod, the catalog's Job and a stranger may reach."""
    values = json.loads(yard.kubectl("get", "deployments,statefulsets", "-n", PLATFORM, "-o", "json").stdout)
    images = {item["metadata"]["name"]: item["spec"]["template"]["spec"]["containers"][0]["image"] for item in values["items"]}
    platform_image = images["sparkyard-defaults"]
    spark = yaml.safe_load(settings.read_text())["images"]["spark"]
    executor = {"serviceAccountName": "spark-executor"}
    driver = {"serviceAccountName": "spark-driver", "priorityClassName": "sparkyard-driver"}
    catalog = {
        "app.kubernetes.io/name": "lake-catalog",
        "app.kubernetes.io/instance": "sparkyard",
        "app.kubernetes.io/part-of": "sparkyard",
    }
    made = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OUTSIDE}},
        make_pod(OUTSIDE, "e2e-stranger", platform_image, {}),
        make_pod(JOBS, "e2e-driver", spark, {"spark-role": "driver"}, **driver),
        make_pod(JOBS, "e2e-executor", spark, {"spark-role": "executor"}, **executor),
        make_pod(JOBS, "e2e-plain", spark, {}, **executor),
        make_pod(PLATFORM, "e2e-catalog", platform_image, catalog),
        make_pod(PLATFORM, "e2e-bare", platform_image, {}),
    ]
    text = yaml.safe_dump_all(made)
    yard.kubectl("apply", "-f", "-", stdin=text)
    for pod in made[1:]:
        yard.kubectl(
            "wait", "-n", pod["metadata"]["namespace"], "--for=condition=Ready", f"pod/{pod['metadata']['name']}", "--timeout=120s"
        )
    yield
    yard.kubectl("delete", "-f", "-", "--wait=true", stdin=text)


def find_pod(yard: Any, place: tuple[str, str]) -> dict[str, Any]:
    found = yard.kube.list(f"/api/v1/namespaces/{place[0]}/pods", labelSelector=place[1], fieldSelector="status.phase=Running")
    assert found, f"no pod {place}"
    return found[0]  # type: ignore[no-any-return]


def is_open(yard: Any, door: Door) -> bool:
    source, target = find_pod(yard, door.source)["metadata"], find_pod(yard, door.target)["status"]["podIP"]
    call = ["exec", "-n", source["namespace"], source["name"], "--", "python3", "-c", CONNECT, target, str(door.port)]
    return bool(yard.kubectl(*call, check=False).returncode == 0)


def look(yard: Any, doors: list[Door], expected: bool) -> list[str]:
    """Doors that are not as expected. An enforcer needs a moment, so they are tried again."""
    wrong = doors
    for _ in range(ATTEMPTS):
        with ThreadPoolExecutor(4) as pool:
            states = list(pool.map(lambda door: is_open(yard, door), wrong))
        wrong = [door for door, state in zip(wrong, states, strict=True) if state is not expected]
        if not wrong:
            break
        time.sleep(3)
    return [f"{door.policy}: {door.source} → {door.target}:{door.port}" for door in wrong]


def test_every_policy_has_a_closed_door_of_its_own(yard: Any) -> None:
    listed = [
        item for space in (JOBS, PLATFORM) for item in yard.kube.list(f"/apis/networking.k8s.io/v1/namespaces/{space}/networkpolicies")
    ]
    there = {f"{item['metadata']['namespace']}/{item['metadata']['name']}" for item in listed}
    assert there == {door.policy for door in DOORS if not door.open}


def test_doors_are_open_and_closed_as_meant(yard: Any, pods: None) -> None:
    assert look(yard, [door for door in DOORS if door.open], True) == [], "closed, and should be open"
    assert look(yard, [door for door in DOORS if not door.open], False) == [], "open, and should be closed"


def probe(yard: Any) -> str:
    """What `sparkyard doctor` finds out about NetworkPolicies by trying."""
    findings = json.loads(yard.sparkyard("doctor", "--probe", "--json", code=None).stdout)
    return next(finding["verdict"] for finding in findings if finding["check"] == "network policies")  # type: ignore[no-any-return]


def test_doctor_finds_policies_enforced(yard: Any) -> None:
    assert probe(yard) == "ok"


@pytest.mark.netns
def test_without_the_enforcer_every_door_is_open(yard: Any, pods: None) -> None:
    """What proves that it is the policies that close them."""
    enforcer("off")
    try:
        assert look(yard, DOORS, True) == [], "closed by something else than the policy"
        assert probe(yard) == "fail", "doctor did not notice that nothing enforces policies"
    finally:
        enforcer("on")
    assert look(yard, [door for door in DOORS if not door.open], False) == []


def enforcer(switch: str) -> None:
    """Off means its clean-up: killing it would leave its rules."""
    command = [sys.executable, str(ROOT / "scripts/cluster/main.py"), "enforcer", switch]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
