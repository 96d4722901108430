"""What this cluster lacks for the platform: each check asks the cluster, none trusts a name."""

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sparkyard.errors import YardError
from sparkyard.helm import Helm, find_helm
from sparkyard.kube import Kube
from sparkyard.runs.install import RELEASE
from sparkyard.runs.probe import are_policies_enforced
from sparkyard.runs.standing import POLICIES, explain_policies, get_api_server, list_missing
from sparkyard.runs.values import load_images

Object = dict[str, Any]
OLDEST = (1, 30)  # ValidatingAdmissionPolicy is generally available from here on
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
NEEDED_RIGHTS = (
    ("", "namespaces", "create"),
    ("apiextensions.k8s.io", "customresourcedefinitions", "patch"),
    ("rbac.authorization.k8s.io", "clusterroles", "create"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies", "create"),
    ("scheduling.k8s.io", "priorityclasses", "create"),
)


@dataclass(frozen=True)
class Finding:
    check: str
    verdict: str  # ok | warn | fail
    words: str


def examine(kube: Kube, namespace: str, *, probe: bool) -> Iterator[Finding]:
    version = kube.get("/version")  # a cluster that does not answer is one message, not one for each check
    values = functools.cache(lambda: Helm(kube.kubeconfig).values(RELEASE, namespace))
    checks: list[tuple[str, Callable[[], Finding | None]]] = [
        ("Kubernetes", lambda: check_version(version)),
        ("admission policies", lambda: check_admission(kube.get("/apis/admissionregistration.k8s.io/v1"))),
        ("storage class", lambda: check_storage(kube.list("/apis/storage.k8s.io/v1/storageclasses"))),
        ("nodes", lambda: check_nodes(kube.list("/api/v1/nodes"))),
        ("your rights", lambda: check_rights(kube)),
        ("helm", lambda: Finding("helm", "ok", find_helm())),
        ("platform", lambda: check_release(kube, namespace)),
        ("API server", lambda: check_api_server(kube, values())),
        ("site's own", lambda: check_needed(kube, values(), namespace)),
    ]
    if probe:
        checks.append(("network policies", lambda: check_policies(kube, values())))
    for name, check in checks:
        try:
            if finding := check():
                yield finding
        except YardError as error:
            yield Finding(name, "fail", str(error))


def check_version(version: Object) -> Finding:
    found = tuple(int(re.sub(r"\D", "", version[part])) for part in ("major", "minor"))
    said = version["gitVersion"]
    return (
        Finding("Kubernetes", "ok", said) if found >= OLDEST else Finding("Kubernetes", "fail", f"{said}; needed: {OLDEST[0]}.{OLDEST[1]}")
    )


def check_admission(group: Object) -> Finding:
    there = any(resource["name"] == "validatingadmissionpolicies" for resource in group["resources"])
    words = "ValidatingAdmissionPolicy v1 is served" if there else "no ValidatingAdmissionPolicy v1: nothing would bound what jobs create"
    return Finding("admission policies", "ok" if there else "fail", words)


def check_storage(classes: list[Object]) -> Finding:
    default = [item["metadata"]["name"] for item in classes if item["metadata"].get("annotations", {}).get(DEFAULT_CLASS) == "true"]
    if default:
        return Finding("storage class", "ok", f"{default[0]} is the default")
    known = ", ".join(item["metadata"]["name"] for item in classes) or "none"
    return Finding(
        "storage class", "warn", f"none is the default (there are: {known}): name one in values, or use an existing S3 store and PostgreSQL"
    )


def check_nodes(nodes: list[Object]) -> Finding:
    cores = sum(parse_cores(node["status"]["allocatable"]["cpu"]) for node in nodes)
    words = f"{len(nodes)} with {cores:g} cores to give"
    ready = [node for node in nodes if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])]
    if len(ready) < len(nodes):
        return Finding("nodes", "warn", f"{words}, {len(nodes) - len(ready)} of them not ready")
    return Finding("nodes", "ok", words) if cores >= 4 else Finding("nodes", "warn", f"{words}: install with --preset small-node")


def parse_cores(text: str) -> float:
    return int(text.removesuffix("m")) / 1000 if text.endswith("m") else float(text)


def check_rights(kube: Kube) -> Finding:
    missing = [f"{verb} {resource}" for group, resource, verb in NEEDED_RIGHTS if not _may(kube, group, resource, verb)]
    return Finding("your rights", "fail" if missing else "ok", f"you may not {', '.join(missing)}" if missing else "enough to install")


def _may(kube: Kube, group: str, resource: str, verb: str) -> bool:
    question = {"spec": {"resourceAttributes": {"group": group, "resource": resource, "verb": verb}}}
    return bool(kube.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", question)["status"]["allowed"])


def check_release(kube: Kube, namespace: str) -> Finding:
    revision = Helm(kube.kubeconfig).find(RELEASE, namespace)
    if revision is None:
        return Finding("platform", "warn", f"not installed in {namespace}: sparkyard install")
    return Finding(
        "platform", "ok" if revision.status.value == "deployed" else "fail", f"revision {revision.revision} is {revision.status.value}"
    )


def check_api_server(kube: Kube, values: Object) -> Finding | None:
    """Where it has moved, or there is one more of it, policies made before keep pods from it."""
    server = get_api_server(kube) if values else None
    if server is None or not values["global"]["networkPolicies"]["enabled"]:
        return None
    policies = kube.list(POLICIES, labelSelector=f"app.kubernetes.io/instance={RELEASE}")
    words = explain_policies(server, policies, values["global"]["apiServer"]["cidrs"])
    return Finding("API server", "fail" if words else "ok", words or f"network policies allow {', '.join(server.addresses)}")


def check_needed(kube: Kube, values: Object, namespace: str) -> Finding | None:
    if not values:
        return None
    missing = list(list_missing(kube, values, namespace))
    if not missing:
        return Finding("site's own", "ok", "pull Secrets and authorities that the values name are there")
    words = f"named in the values and not there: {', '.join(' '.join(item) for item in missing)}"
    waits = any(kind == "ConfigMap" for kind, _ in missing)  # a pod waits for it; a node may know the registry without a pull Secret
    return Finding("site's own", "fail" if waits else "warn", words)


def check_policies(kube: Kube, values: Object) -> Finding:
    images = values.get("global", {}).get("images", {}) or load_images()
    if "platform" not in images:
        return Finding("network policies", "warn", "cannot be probed without the platform image: make images")
    if are_policies_enforced(kube, images["platform"]):
        return Finding("network policies", "ok", "enforced (probed)")
    return Finding("network policies", "fail", "NOT enforced: every pod reaches every pod; install a network plugin or enforcer that does")
