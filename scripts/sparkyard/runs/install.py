"""Install or upgrade the platform: the operator's CRDs first, then the umbrella chart, then wait and say what is not ready and why."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sparkyard.errors import ClusterError, TimedOut, UsageError
from sparkyard.helm import Helm
from sparkyard.kube import Kube
from sparkyard.kube.workloads import Workload, explain_workload, list_workloads
from sparkyard.runs.crds import CRD_PATH, apply_crds
from sparkyard.runs.logins import Login, read_logins
from sparkyard.runs.values import CHART, InstallRequest, list_lost, make_values

Object = dict[str, Any]
RELEASE = "sparkyard"
SILENCE = 30.0  # seconds without news until it is said what everybody waits for


@dataclass
class Report:
    ready: list[Workload] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)  # title: why
    notes: str = ""  # the chart's own, NOTES.txt
    new_logins: set[Login] = field(default_factory=set)


def install(request: InstallRequest, tell: Callable[[str], None]) -> Report:
    """Blocks until all is ready; what is not within the timeout is in the report, with the reason."""
    kube = Kube()
    helm = Helm(kube.kubeconfig)
    values = choose_values(request, helm.given(RELEASE, request.namespace))
    version = kube.get("/version")["gitVersion"]
    tell(f"cluster {kube.host}, Kubernetes {version}, namespace {request.namespace}")
    if values.get("spark-operator", {}).get("enabled", True):
        tell(f"{apply_crds(kube)} CRDs applied")
    else:
        tell("the operator is the site's own: CRDs are left as they are")
    helm.update_dependencies(CHART)
    if values["global"].get("createNamespaces", True) or kube.find(f"/api/v1/namespaces/{request.namespace}") is None:
        adopt_namespace(kube, request.namespace)
    known = read_logins(kube, request.namespace)
    revision = helm.upgrade(RELEASE, CHART, values, request.namespace, request.timeout, create_namespace=False)
    tell(f"release {RELEASE} revision {revision} deployed; waiting for its workloads")
    report = wait_for_workloads(kube, request.timeout, tell)
    return replace(report, notes=helm.notes(RELEASE, request.namespace), new_logins=read_logins(kube, request.namespace) - known)


def choose_values(request: InstallRequest, given: Object) -> Object:
    """A command that leaves out what the site was installed with would reset it: refused, unless it is said that it shall."""
    if request.reuse and request.forget:
        raise UsageError("contradict each other", where="--reuse-values --forget-values")
    values = make_values(request, given if request.reuse else None)
    if not (request.reuse or request.forget) and (lost := list_lost(given, values)):
        raise UsageError(
            "\n  ".join(["was given values that this command lacks, and would lose them:", *lost]),
            where=f"release {request.namespace}/{RELEASE}",
            next_command="the same command with the files, preset and --set of before; or with --reuse-values: they stay, and new ones win "
            f"over them; or with --forget-values: they go. helm get values -n {request.namespace} {RELEASE} shows them",
        )
    return values


def adopt_namespace(kube: Kube, namespace: str) -> None:
    """The release keeps its own state in a namespace that it also describes: it must be there before, and be the release's."""
    marks = {"meta.helm.sh/release-name": RELEASE, "meta.helm.sh/release-namespace": namespace}
    meta = {"name": namespace, "annotations": marks, "labels": {"app.kubernetes.io/managed-by": "Helm"}}
    kube.apply(f"/api/v1/namespaces/{namespace}", {"apiVersion": "v1", "kind": "Namespace", "metadata": meta})


def wait_for_workloads(kube: Kube, timeout: float, tell: Callable[[str], None]) -> Report:
    deadline, told, quiet_until = time.monotonic() + timeout, set[str](), time.monotonic() + SILENCE
    while True:
        workloads = list_workloads(kube, RELEASE)
        for workload in _news(workloads, told):
            tell(f"  ready  {workload.title} ({workload.progress})")
            quiet_until = time.monotonic() + SILENCE
        waiting = [workload for workload in workloads if not workload.ready]
        if not waiting or time.monotonic() > deadline:
            ready = [workload for workload in workloads if workload.ready]
            return Report(ready, {workload.title: explain_workload(kube, workload) for workload in waiting})
        if time.monotonic() > quiet_until:
            for workload in waiting:
                tell(f"  waits  {workload.title}: {explain_workload(kube, workload)}")
            quiet_until = time.monotonic() + SILENCE
        time.sleep(1)


def _news(workloads: Sequence[Workload], told: set[str]) -> Iterator[Workload]:
    """Those that became ready since the last look; one that fell back is told again."""
    for workload in workloads:
        if workload.ready and workload.title not in told:
            told.add(workload.title)
            yield workload
        elif not workload.ready:
            told.discard(workload.title)


def uninstall(namespace: str, timeout: int) -> list[str]:
    """What stays: claims with data, namespaces, CRDs."""
    kube = Kube()
    helm = Helm(kube.kubeconfig)
    if helm.find(RELEASE, namespace) is None:
        raise ClusterError("is not installed", where=f"release {namespace}/{RELEASE}", next_command="sparkyard install")
    helm.uninstall(RELEASE, namespace, timeout)
    _wait_for_pods_to_go(kube, namespace, timeout)
    return list(_kept(kube))


def _wait_for_pods_to_go(kube: Kube, namespace: str, timeout: float) -> None:
    """Helm waits for what it made itself; the database still writes while its pod stops."""
    deadline = time.monotonic() + timeout
    while left := kube.list(f"/api/v1/namespaces/{namespace}/pods", labelSelector=f"app.kubernetes.io/instance={RELEASE}"):
        if time.monotonic() > deadline:
            names = ", ".join(pod["metadata"]["name"] for pod in left)
            raise TimedOut(
                f"still there after {timeout:.0f} s: {names}", where=f"namespace {namespace}", next_command="kubectl describe pods"
            )
        time.sleep(1)


def _kept(kube: Kube) -> Iterator[str]:
    for kind, path in (("claim", "/api/v1/persistentvolumeclaims"), ("namespace", "/api/v1/namespaces"), ("secret", "/api/v1/secrets")):
        for item in kube.list(path):
            if item["metadata"].get("annotations", {}).get("meta.helm.sh/release-name") == RELEASE:
                yield f"{kind} {'/'.join(filter(None, (item['metadata'].get('namespace'), item['metadata']['name'])))}"
    for crd in kube.list(CRD_PATH):
        if crd["spec"]["group"] == "sparkoperator.k8s.io":
            yield f"crd {crd['metadata']['name']}"
