"""Are NetworkPolicies enforced here? Two servers, one behind a policy, and a client that tries both."""

import secrets
import time
from collections.abc import Callable
from typing import Any

from sparkyard.errors import ClusterError, TimedOut
from sparkyard.kube import Kube
from sparkyard.kube.explain import explain_pod

Object = dict[str, Any]
PORT = 8099
SERVE = f"import http.server; http.server.HTTPServer(('', {PORT}), http.server.SimpleHTTPRequestHandler).serve_forever()"
TRY = """
import socket, sys
def reached(host):
    try:
        socket.create_connection((host, %d), timeout=3).close()
    except OSError:
        return False
    return True
open_, closed = map(reached, sys.argv[1:])
sys.exit(0 if open_ and not closed else 10 if open_ else 20)
"""
SETTLE = 5  # seconds an enforcer gets to take up a new policy
ENFORCED, IGNORED = 0, 10


def are_policies_enforced(kube: Kube, image: str) -> bool:
    """In a namespace of its own, which is gone afterwards."""
    namespace = f"sparkyard-probe-{secrets.token_hex(3)}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    kube.create("/api/v1/namespaces", {"metadata": {"name": namespace, "labels": labels}})
    try:
        return _probe(kube, namespace, image)
    finally:
        kube.delete(f"/api/v1/namespaces/{namespace}")


def _probe(kube: Kube, namespace: str, image: str) -> bool:
    pods = f"/api/v1/namespaces/{namespace}/pods"
    policy = {"metadata": {"name": "closed"}, "spec": {"podSelector": {"matchLabels": {"probe": "closed"}}, "policyTypes": ["Ingress"]}}
    kube.create(f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies", policy)
    for name in ("open", "closed"):
        kube.create(pods, make_pod(name, image, ["-c", SERVE]))
    addresses = [_wait(kube, f"{pods}/{name}", _address) for name in ("open", "closed")]
    time.sleep(SETTLE)
    kube.create(pods, make_pod("client", image, ["-c", TRY % PORT, *addresses]))
    code = int(_wait(kube, f"{pods}/client", _exit_code))
    if code not in (ENFORCED, IGNORED):
        raise ClusterError(
            "pods cannot reach each other even without a policy", where=f"namespace {namespace}", next_command="look at the network plugin"
        )
    return code == ENFORCED


def make_pod(name: str, image: str, args: list[str]) -> Object:
    container = {
        "name": "probe",
        "image": image,
        "command": ["python3"],
        "args": args,
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
    }
    security = {"runAsNonRoot": True, "runAsUser": 185, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"containers": [container], "securityContext": security, "restartPolicy": "Never", "automountServiceAccountToken": False}
    return {"metadata": {"name": name, "labels": {"probe": name}}, "spec": spec}


def _address(pod: Object) -> str:
    ready = any(item["type"] == "Ready" and item["status"] == "True" for item in pod["status"].get("conditions", []))
    return str(pod["status"].get("podIP", "")) if ready else ""


def _exit_code(pod: Object) -> str:
    states = [item["state"].get("terminated") for item in pod["status"].get("containerStatuses", [])]
    return str(states[0]["exitCode"]) if states and states[0] else ""


def _wait(kube: Kube, path: str, answer: Callable[[Object], str], timeout: float = 60) -> str:
    deadline = time.monotonic() + timeout
    while not (found := answer(pod := kube.get(path))):
        if time.monotonic() > deadline:
            trouble = explain_pod(pod)
            raise TimedOut(trouble.message if trouble else f"not ready after {timeout:.0f} s", where=path)
        time.sleep(0.5)
    return found
