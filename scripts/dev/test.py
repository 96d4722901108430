"""`make test`: prepares what this machine can run, runs the tests, and takes down the cluster it started.

Stage 1 needs no cluster. Stage 2 brings one up, builds the images, deploys and tests on it; it is left out, with the
reason, where there can be no cluster, and is a failure where --require names it.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GO_TOOLS = ["helm", "crds", "etcd", "kubernetes", "kube-apiserver-newest"]
SIDE_BY_SIDE = ["-n", "2", "--no-loadscope-reorder"]  # by room: tests/conftest.py
ON_CLUSTER = "cluster or images or netns"  # markers
BESIDE_IT = "(images or netns) and not cluster"  # look at images, or start nodes of their own: they mind nobody

POOL = ThreadPoolExecutor()
PYTEST = [sys.executable, "-m", "pytest", "-q", "--durations=15", "--durations-min=5"]


def step(title: str, *command: str) -> bool:
    print(f"\n── {title}: {' '.join(command)}", flush=True)
    start = time.monotonic()
    code = subprocess.run(command, cwd=ROOT).returncode
    print(f"── {title}: {'done' if code == 0 else f'FAILED ({code})'} after {time.monotonic() - start:.0f} s", flush=True)
    return code == 0


def pytest(title: str, *args: str) -> bool:
    return step(title, *PYTEST, *args)


class Beside:
    """A step in the background, whose output is printed when it is waited for."""

    def __init__(self, title: str, *command: str) -> None:
        self.title = title
        self.done = POOL.submit(subprocess.run, command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def passed(self) -> bool:
        done = self.done.result()
        print(f"\n── {self.title}, {'FAILED' if done.returncode else 'passed'}\n{done.stdout}", flush=True)
        return done.returncode == 0


def connect_tests(options: list[str]) -> Beside:
    """In an environment of their own: every session is slower where Spark Connect's client, and so pandas, is installed."""
    return isolated(
        "tests over Spark Connect", ["--group", "connect"], "tests/apps/test_connect.py", "tests/notebooks/test_connect.py", *options
    )


def airflow_tests(options: list[str]) -> Beside:
    """In an environment of their own: Airflow's packages and those of development exclude each other."""
    return isolated("tests of Airflow", ["--no-default-groups", "--group", "test", "--group", "airflow"], "tests/airflow", *options)


def isolated(title: str, groups: list[str], *args: str) -> Beside:
    command = ["build/uv/bin/uv", "run", "--isolated", "--frozen", *groups, "--python", sys.executable, "--"]
    return Beside(title, *command, "python", "-m", "pytest", "-q", *args)


def can_have_cluster() -> str:
    """Why there can be no cluster here; empty when there can."""
    if os.environ.get("KUBECONFIG") or shutil.which("kind") or shutil.which("k3d"):
        return ""
    if sys.platform == "linux" and os.geteuid() == 0:
        return ""
    return "no KUBECONFIG, no kind or k3d, and not root on Linux"


def prepare_cluster() -> bool:
    return (
        step("cluster", sys.executable, "scripts/cluster/main.py", "up")
        and step("images", sys.executable, "scripts/images/main.py", "build", "--push")
        and step("deploy", "make", "--no-print-directory", "deploy")
    )


def run_cluster_stage(options: list[str]) -> bool:
    was_up = (ROOT / "build/kubeconfig").exists()
    try:
        return prepare_cluster() and cluster_tests(options)
    finally:
        if not was_up and not os.environ.get("KUBECONFIG"):
            step("down", sys.executable, "scripts/cluster/main.py", "down")


def cluster_tests(options: list[str]) -> bool:
    """Half of a test on a cluster is waiting: what needs no platform runs beside it."""
    beside = Beside("tests beside it", *PYTEST, "-m", BESIDE_IT, *options)
    passed = pytest("tests on the cluster", "-m", "cluster", *options)
    return beside.passed() and passed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--require", default="", help="needs that must be met, comma-separated, e.g. helm,java,cluster")
    parser.add_argument("--long", action="store_true", help="also what takes long: every fault, every kill")
    parser.add_argument("rest", nargs="*", help="further arguments for pytest")
    args = parser.parse_args()
    options = [f"--require={args.require}", *(["--long"] if args.long else []), *args.rest]

    step("Java", sys.executable, "scripts/setup/java.py")
    step("Browser", sys.executable, "scripts/setup/browser.py")
    step("PostgreSQL", sys.executable, "scripts/dev/postgres.py")
    step("Go programs", sys.executable, "scripts/gotools/build.py", *GO_TOOLS)
    passed = pytest("tests without a cluster", *SIDE_BY_SIDE, "-m", f"not ({ON_CLUSTER})", *options)
    others = [connect_tests(options), airflow_tests(options)]  # while the platform is deployed, which is waiting for the most part
    reason = can_have_cluster()
    if reason and "cluster" not in args.require.split(","):
        print(f"\n── no tests on a cluster: {reason}")
    else:
        passed &= run_cluster_stage(options)
    return 0 if all([passed, *(other.passed() for other in others)]) else 1


if __name__ == "__main__":
    sys.exit(main())
