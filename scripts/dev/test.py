"""`make test`: prepares what this machine can run, runs the tests, and takes down the cluster it started.

Two lines of work share the processors. One brings a cluster up, builds the images, deploys and tests on it, which is
waiting for a good part; it is left out, with the reason, where there can be no cluster, and is a failure where --require
names it. The other runs the tests that need no cluster, and in the end, where it tests images one by one, those of other
environments beside it.
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
GO_TOOLS = ["helm", "crds", "etcd", "kubernetes"]
GO_TOOLS_OF_LONG = ["kube-apiserver-newest"]  # another Kubernetes: minutes to build
SIDE_BY_SIDE = ["-n", "2", "--no-loadscope-reorder"]  # by folder: tests/conftest.py
ON_CLUSTER = "cluster or images or netns"  # markers
ON_IMAGES = "(images or netns) and not cluster"  # look at images, or start nodes of their own

LOGS = ROOT / "build/logs/tests"
OTHER_LINE, SPARE_LINE = (ThreadPoolExecutor(max_workers=1) for _ in range(2))  # each one step after the other
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
    """A step of another line. It writes into a file, which is told from its beginning to its end when the step is waited for."""

    def __init__(self, title: str, *command: str, line: ThreadPoolExecutor = OTHER_LINE) -> None:
        self.title, self.command = title, command
        self.log = LOGS / f"{title.replace(' ', '-')}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.write_text("")
        self.done = line.submit(self.run)
        print(f"── {title}: beside the rest, see {self.log.relative_to(ROOT)}", flush=True)

    def run(self) -> int:
        with self.log.open("w") as out:
            return subprocess.run(self.command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT).returncode

    def passed(self) -> bool:
        print(f"\n── {self.title}", flush=True)
        with self.log.open() as said:
            while not self.done.done():
                print(said.read(), end="", flush=True)
                time.sleep(1)
            code = self.done.result()
            print(said.read(), f"── {self.title}: {'passed' if code == 0 else f'FAILED ({code})'}", sep="", flush=True)
        return code == 0


def beside_the_cluster(options: list[str]) -> list[Beside]:
    without = Beside("tests without a cluster", *PYTEST, *SIDE_BY_SIDE, "-m", f"not ({ON_CLUSTER})", *options)
    SPARE_LINE.submit(without.done.result)  # which takes both processors
    return [without, connect_tests(options), airflow_tests(options)]


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
    return Beside(title, *command, "python", "-m", "pytest", "-q", *args, line=SPARE_LINE)


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


def run_cluster_stage(options: list[str], beside: list[Beside]) -> bool:
    was_up = (ROOT / "build/kubeconfig").exists()
    try:
        if not prepare_cluster():
            return False
        beside.append(Beside("tests of images and nodes", *PYTEST, "-m", ON_IMAGES, *options))
        return pytest("tests on the cluster", "-m", "cluster", *options)
    finally:
        if not was_up and not os.environ.get("KUBECONFIG"):
            step("down", sys.executable, "scripts/cluster/main.py", "down")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--require", default="", help="needs that must be met, comma-separated, e.g. helm,java,cluster")
    parser.add_argument("--long", action="store_true", help="also what takes long: every fault, every kill")
    parser.add_argument("rest", nargs="*", help="further arguments for pytest")
    args = parser.parse_args()
    options = [f"--require={args.require}", *(["--long"] if args.long else []), *args.rest]

    compiling = Beside("Go programs", sys.executable, "scripts/gotools/build.py", *GO_TOOLS, *(GO_TOOLS_OF_LONG if args.long else []))
    step("Java", sys.executable, "scripts/setup/java.py")
    step("Browser", sys.executable, "scripts/setup/browser.py")
    step("PostgreSQL", sys.executable, "scripts/dev/postgres.py")
    beside, passed = beside_the_cluster(options), True
    reason = can_have_cluster()
    if reason and "cluster" not in args.require.split(","):
        print(f"\n── no tests on a cluster: {reason}", flush=True)
    else:
        passed = run_cluster_stage(options, beside)
    compiling.passed()  # told only: tests skip what is missing, or fail where --require names it
    return 0 if all([passed, *(other.passed() for other in beside)]) else 1


if __name__ == "__main__":
    sys.exit(main())
