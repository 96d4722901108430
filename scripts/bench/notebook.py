"""`make bench-notebook`: how long a person waits for rows in a notebook, stock against ours, in pairs in one run, on the installed hub.

Stock is the same image and pods with Spark's own start (its launcher, no class archive) and two executors that a session waits for, as
notebooks are usually told to. Connect is the warm server of the person's team, where there is one. Asked over the hub's REST API and the
kernel's WebSocket, as a browser asks.

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
KERNELS = {"stock": "spark", "ours": "spark", "connect": "spark-connect"}
Figures = dict[str, list[float]]


def clock(figures: Figures, name: str, work: Callable[[], object]) -> None:
    begin = time.monotonic()
    work()
    figures.setdefault(name, []).append(time.monotonic() - begin)


def open_ready(hub: Hub, user: str, name: str = "spark") -> Kernel:
    kernel = hub.open_kernel(user, name)
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
    clock(figures, f"{side}: kernel", lambda: kernels.append(open_ready(hub, user, KERNELS[side])))
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


def warm_connect(hub: Hub, user: str) -> bool:
    """An executor and a first question; false where the person is in no team."""
    if KERNELS["connect"] not in hub.client.get(f"/user/{user}/api/kernelspecs").json()["kernelspecs"]:
        return False
    kernel = open_ready(hub, user, KERNELS["connect"])
    kernel.must(ROWS)
    kernel.close()
    return True


def measure_second(hub: Hub, user: str) -> None:
    second = hub.open_kernel(user)
    try:
        second.must(ROWS)
    finally:
        second.close()


def measure_sides(hub: Hub, user: str, figures: Figures) -> None:
    for side in ("stock", "ours"):
        measure_side(hub, user, figures, side)
    if warm_connect(hub, user):
        measure_side(hub, user, figures, "connect")


def print_table(figures: Figures) -> None:
    print(f"\n{'':36}{'median s':>9}{'least':>8}{'most':>8}")
    for name, seconds in figures.items():
        print(f"{name:36}{statistics.median(seconds):9.1f}{min(seconds):8.1f}{max(seconds):8.1f}")
    for what in ("spark to first row", "ten small queries"):
        for side in ("ours", "connect"):
            if found := figures.get(f"{side}: {what}"):
                print_ratios(f"{side}: {what}", [own / stock for own, stock in zip(found, figures[f"stock: {what}"], strict=True)])


def print_ratios(name: str, ratios: list[float]) -> None:
    print(f"{name}: {statistics.median(ratios):.2f} of stock ({min(ratios):.2f}–{max(ratios):.2f}), {len(ratios)} pair(s)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--user", default="yard", help="one of jupyterhub.users.names; their server is stopped at the end")
    parser.add_argument("--namespace", default=PLATFORM_NAMESPACE, help="where the hub is")
    args, kube, figures = parser.parse_args(), Kube(), {}
    if kube.find(f"/api/v1/namespaces/{args.namespace}/services/{JUPYTER_SERVICE}") is None:
        raise SystemExit(
            str(ClusterError("no hub is installed", next_command="sparkyard install --reuse-values --set global.notebooks.enabled=true"))
        )
    token = read_secret(kube, args.namespace, "jupyter-hub")["serviceToken"]
    with forward(kube, args.namespace, service=JUPYTER_SERVICE, port=8000) as port:
        hub = Hub(port, token)
        try:
            for _ in range(args.pairs):
                measure_start(hub, args.user, figures)
                measure_sides(hub, args.user, figures)
        finally:
            hub.stop(args.user)
    print_table(figures)


if __name__ == "__main__":
    main()
