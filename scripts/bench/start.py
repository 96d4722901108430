"""`make bench-start`: how long a small job takes from `kubectl apply` to COMPLETED, stock against ours, in pairs in one run.

Stock is upstream's start (Spark's launcher, no class archive, Spark's own intervals) with the same Spark, image, admission and requests;
the operator's submissions are switched with it. Prints the median of each phase, the ratio of the totals pair by pair, and its median.

  python scripts/bench/start.py --pairs 7
  python scripts/bench/start.py --one-pod      our one-pod mode against stock
"""

import argparse
import copy
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sparkyard.errors import ClusterError
from sparkyard.kube import Kube
from sparkyard.kube.applications import NAME_LABEL, applications_path, delete_application
from sparkyard.manifest import load_manifest
from sparkyard.names import JOBS_NAMESPACE, PLATFORM_NAMESPACE
from sparkyard.project import ROOT

Object = dict[str, Any]
OPERATOR = "spark-operator-controller"
PHASES = [
    ("submit", "applied", "driver made"),
    ("driver pod", "driver made", "driver up"),
    ("driver JVM", "driver up", "executor made"),
    ("executors", "executor made", "executors up"),
    ("work, stop", "executors up", "driver done"),
    ("notice", "driver done", "completed"),
]
ONE_POD_PHASES = [*PHASES[:2], ("work, stop", "driver up", "driver done"), PHASES[-1]]
STOCK_CONF = {
    "spark.kubernetes.driverEnv.SPARKYARD_JVM": "stock",
    "spark.executorEnv.SPARKYARD_JVM": "stock",
    # Spark's own defaults, where the platform's differ.
    "spark.kubernetes.allocation.batch.delay": "1s",
    "spark.scheduler.minRegisteredResourcesRatio": "0.8",
}


def make_application(name: str, conf: dict[str, str], one_pod: bool) -> Object:
    app = copy.deepcopy(load_manifest(ROOT / "manifests/jobs/hello-hello.yaml").document)
    app["metadata"] = {"name": name, "namespace": JOBS_NAMESPACE}
    app["spec"]["sparkConf"] = {**app["spec"].get("sparkConf", {}), **conf}
    app["spec"]["executor"]["instances"] = 1 if one_pod else 2
    if one_pod:
        app["spec"]["driver"]["kubernetesMaster"] = "local[*]"
    return app


class Clock:
    """When each thing was first seen, by the clock of this machine: those of the API have whole seconds."""

    def __init__(self, kube: Kube, name: str, executors: int) -> None:
        self.kube, self.name, self.executors = kube, name, executors
        self.seen: dict[str, float] = {}
        self.up: set[str] = set()
        self.done = threading.Event()
        self.failure = ""

    def note(self, what: str) -> None:
        self.seen.setdefault(what, time.monotonic())

    def on_pod(self, pod: Object) -> None:
        driver = pod["metadata"]["labels"].get("spark-role") == "driver"
        phase = pod["status"].get("phase")
        self.note("driver made" if driver else "executor made")
        if driver and phase in ("Running", "Succeeded", "Failed"):
            self.note("driver up" if phase == "Running" else "driver done")
        if not driver and phase == "Running":
            self.up.add(pod["metadata"]["name"])
            if len(self.up) == self.executors:
                self.note("executors up")

    def on_application(self, app: Object) -> None:
        state = app.get("status", {}).get("applicationState", {})
        if state.get("state") == "COMPLETED":
            self.note("completed")
            self.done.set()
        elif state.get("state") in ("FAILED", "SUBMISSION_FAILED"):
            self.failure = state.get("errorMessage", "failed")
            self.done.set()

    def watch(self, path: str, selector: Object, handle: Any) -> None:
        while not self.done.is_set():
            with suppress(ClusterError):  # a stream that fell silent is taken up again
                for line in self.kube.lines(path, watch=True, timeoutSeconds=60, **selector):
                    event = json.loads(line)
                    if event["type"] != "BOOKMARK":
                        handle(event["object"])
                    if self.done.is_set():
                        return

    def start(self) -> None:
        pods = f"/api/v1/namespaces/{JOBS_NAMESPACE}/pods"
        for path, selector, handle in (
            (pods, {"labelSelector": f"{NAME_LABEL}={self.name}"}, self.on_pod),
            (applications_path(JOBS_NAMESPACE), {"fieldSelector": f"metadata.name={self.name}"}, self.on_application),
        ):
            threading.Thread(target=self.watch, args=(path, selector, handle), daemon=True).start()
        time.sleep(1)  # both watches stand before the clock starts


def measure(kube: Kube, app: Object) -> dict[str, float]:
    name = app["metadata"]["name"]
    delete_application(kube, JOBS_NAMESPACE, name)
    one_pod = "kubernetesMaster" in app["spec"]["driver"]
    clock = Clock(kube, name, app["spec"]["executor"]["instances"])
    clock.start()
    clock.note("applied")
    kube.create(applications_path(JOBS_NAMESPACE), app)
    finished = clock.done.wait(240)
    delete_application(kube, JOBS_NAMESPACE, name)
    if clock.failure or not finished:
        sys.exit(f"{name}: {clock.failure or 'not finished after 240 s'}; seen: {sorted(clock.seen)}")
    phases = ONE_POD_PHASES if one_pod else PHASES
    last = clock.seen["completed"]
    spans = {phase: clock.seen.get(end, last) - clock.seen.get(start, last) for phase, start, end in phases}
    return {**spans, "total": last - clock.seen["applied"]}


def kubectl(*args: str) -> str:
    kubeconfig = Kube().kubeconfig or ""
    command = ["kubectl", "--kubeconfig", kubeconfig, "-n", PLATFORM_NAMESPACE, *args]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def set_operator(jvm: str) -> None:
    """SPARKYARD_JVM of the operator's submissions; an empty one is ours."""
    name = kubectl("get", "deployment", "-o", "name", "-l", f"app.kubernetes.io/name={OPERATOR}").strip()
    kubectl("set", "env", name, f"SPARKYARD_JVM={jvm}" if jvm else "SPARKYARD_JVM-")
    kubectl("rollout", "status", name, "--timeout=180s")
    wait_for_leader()


def wait_for_leader() -> None:
    """A new operator works only when it holds the lease of the one before: that wait belongs to no job."""
    for _ in range(60):
        holder = kubectl("get", "lease", OPERATOR, "-o", "jsonpath={.spec.holderIdentity}").partition("_")[0]
        pods = kubectl(
            "get", "pods", "-o", "name", "-l", f"app.kubernetes.io/name={OPERATOR}", "--field-selector=status.phase=Running"
        ).split()
        if pods == [f"pod/{holder}"]:
            return
        time.sleep(1)
    sys.exit(f"{PLATFORM_NAMESPACE}/{OPERATOR}: no pod of it has become leader within 60 s")


@contextmanager
def operator_restored() -> Iterator[None]:
    try:
        yield
    finally:
        set_operator("")


def print_table(runs: dict[str, list[dict[str, float]]]) -> None:
    phases = list(dict.fromkeys(phase for side in runs.values() for run in side for phase in run))
    print(f"\n{'median seconds':14} {'stock':>8} {'ours':>8}")
    for phase in phases:
        medians = [statistics.median(run.get(phase, 0.0) for run in runs[side]) for side in ("stock", "ours")]
        print(f"{phase:14} {medians[0]:8.2f} {medians[1]:8.2f}")
    ratios = [ours["total"] / stock["total"] for stock, ours in zip(runs["stock"], runs["ours"], strict=True)]
    spread = f"min {min(ratios):.3f}, max {max(ratios):.3f}"
    print(f"\nratio ours / stock: median {statistics.median(ratios):.3f} ({spread}) of {len(ratios)} pairs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7, help="pairs to run (7)")
    parser.add_argument("--one-pod", action="store_true", help="ours without executor pods")
    args = parser.parse_args()
    kube = Kube()
    runs: dict[str, list[dict[str, float]]] = {"stock": [], "ours": []}
    with operator_restored():
        for pair in range(args.pairs + 1):
            for side in ("stock", "ours"):
                set_operator("stock" if side == "stock" else "")
                app = make_application(f"bench-{side}", STOCK_CONF if side == "stock" else {}, args.one_pod and side == "ours")
                run = measure(kube, app)
                print(f"pair {pair or 'warm-up':>7}  {side:6} {run['total']:6.2f} s", flush=True)
                if pair:
                    runs[side].append(run)
    print_table(runs)


if __name__ == "__main__":
    main()
