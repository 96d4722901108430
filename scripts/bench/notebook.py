"""`make bench-notebook`: how long a person waits for rows in a notebook, stock against ours, in pairs in one run, on the installed hub.

Stock is the same image and pods with Spark's own start (its launcher, no class archive) and two executors that a session waits for, as
notebooks are usually told to. Asked over the hub's REST API and the kernel's WebSocket, as a browser asks.

  python scripts/bench/notebook.py --pairs 5
"""

import argparse
import statistics
import time
from collections.abc import Callable

from notebook_hub import Hub, Kernel

from sparkyard.errors import ClusterError
from sparkyard.kube import Kube, forward
from sparkyard.names import JUPYTER_SERVICE, PLATFORM_NAMESPACE
from sparkyard.runs.cluster_lake import read_secret

ROWS = "print(spark.range(1000).selectExpr('id % 7 AS k').groupBy('k').count().count())"
SMALL = "for n in range(10):\n    spark.range(1000 + n).selectExpr('sum(id)').collect()"
STOCK = """
import os
from pathlib import Path
os.environ["SPARKYARD_JVM"] = "stock"
file = Path(os.environ["SPARK_CONF_DIR"], "spark-defaults.conf")
kept = [line for line in file.read_text().splitlines() if not line.startswith(("spark.dynamicAllocation.", "spark.scheduler.minReg"))]
kept += ["spark.executorEnv.SPARKYARD_JVM stock", "spark.executor.instances 2", "spark.scheduler.minRegisteredResourcesRatio 0.8"]
file.write_text("\\n".join(kept) + "\\n")
"""
Figures = dict[str, list[float]]


def clock(figures: Figures, name: str, work: Callable[[], object]) -> None:
    begin = time.monotonic()
    work()
    figures.setdefault(name, []).append(time.monotonic() - begin)


def open_ready(hub: Hub, user: str) -> Kernel:
    kernel = hub.open_kernel(user)
    kernel.must("1 + 1")
    return kernel


def measure_start(hub: Hub, user: str, figures: Figures) -> None:
    """Page to ready kernel."""
    hub.stop(user)

    def start() -> None:
        hub.start(user)
        hub.wait_for_server(user)
        open_ready(hub, user).close()

    clock(figures, "start to ready kernel", start)


def measure_side(hub: Hub, user: str, figures: Figures, side: str) -> None:
    kernels: list[Kernel] = []
    clock(figures, f"{side}: kernel", lambda: kernels.append(open_ready(hub, user)))
    [kernel] = kernels
    try:
        if side == "stock":
            kernel.must(STOCK)
        clock(figures, f"{side}: spark to first row", lambda: kernel.must(ROWS))
        clock(figures, f"{side}: ten small queries", lambda: kernel.must(SMALL))
        if side == "ours":
            clock(figures, "ours: a second kernel's first row", lambda: measure_second(hub, user))
    finally:
        kernel.close()
        time.sleep(10)  # its executors go, and take nothing from the next


def measure_second(hub: Hub, user: str) -> None:
    second = hub.open_kernel(user)
    try:
        second.must(ROWS)
    finally:
        second.close()


def print_table(figures: Figures) -> None:
    print(f"\n{'':36}{'median s':>9}{'least':>8}{'most':>8}")
    for name, seconds in figures.items():
        print(f"{name:36}{statistics.median(seconds):9.1f}{min(seconds):8.1f}{max(seconds):8.1f}")
    for what in ("spark to first row", "ten small queries"):
        ratios = [ours / stock for ours, stock in zip(figures[f"ours: {what}"], figures[f"stock: {what}"], strict=True)]
        print(f"{what}: {statistics.median(ratios):.2f} of stock ({min(ratios):.2f}–{max(ratios):.2f}), {len(ratios)} pair(s)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--user", default="yard", help="one of jupyterhub.users.names; their server is stopped at the end")
    parser.add_argument("--namespace", default=PLATFORM_NAMESPACE, help="where the hub is")
    args, kube, figures = parser.parse_args(), Kube(), {}
    if kube.find(f"/api/v1/namespaces/{args.namespace}/services/{JUPYTER_SERVICE}") is None:
        raise SystemExit(str(ClusterError("no hub is installed", next_command="sparkyard install --set jupyterhub.enabled=true")))
    token = read_secret(kube, args.namespace, "jupyter-hub")["serviceToken"]
    with forward(kube, args.namespace, service=JUPYTER_SERVICE, port=8000) as port:
        hub = Hub(port, token)
        try:
            for _ in range(args.pairs):
                measure_start(hub, args.user, figures)
                for side in ("stock", "ours"):
                    measure_side(hub, args.user, figures, side)
        finally:
            hub.stop(args.user)
    print_table(figures)


if __name__ == "__main__":
    main()
