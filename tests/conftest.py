"""What a test needs of the machine: a marker names it; missing is a skip with its reason, or a failure when --require names it."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from rotation import rotate_faults
from xdist.scheduler import LoadScopeScheduling

from sparkyard.errors import ToolMissing
from sparkyard.local.java import find_java

ROOT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require",
        default="",
        help="comma-separated needs that must be met: helm,java,postgres,apiserver,images,cluster,netns,browser,data",
    )
    parser.addoption("--long", action="store_true", help="run the tests marked `long` too")


def _tool(name: str) -> str:
    command = [sys.executable, str(ROOT / "scripts/gotools/build.py"), "--is-built", name]
    built = subprocess.run(command, capture_output=True).returncode == 0
    return "" if built else f"{name} is not built: python3 scripts/gotools/build.py {name}"


def _java() -> str:
    try:
        find_java()
    except ToolMissing as error:
        return f"{error.what}: make java"
    return ""


def _netns() -> str:
    return "" if sys.platform == "linux" and os.geteuid() == 0 else "needs Linux and root for network namespaces"


def data_dir() -> Path:
    return Path(os.environ.get("SPARKYARD_DATA", ROOT.parent / "shared" / "data"))


def _cluster() -> str:
    if not (ROOT / "build/kubeconfig").exists() and "KUBECONFIG" not in os.environ:
        return "no cluster: make cluster images deploy"
    kubeconfig = os.environ.get("KUBECONFIG", str(ROOT / "build/kubeconfig"))
    command = ["kubectl", "--kubeconfig", kubeconfig, "get", "--raw", "/readyz", "--request-timeout=10s"]
    answer = subprocess.run(command, capture_output=True, text=True)
    return "" if answer.returncode == 0 else f"the cluster does not answer: {answer.stderr.strip()[-200:]}"


NEEDS = {
    "helm": lambda: "" if shutil.which("helm") else _tool("helm"),
    "java": _java,
    "postgres": lambda: "" if any(Path("/usr/lib/postgresql").glob("*/bin/initdb")) else "no PostgreSQL: python3 scripts/dev/postgres.py",
    "apiserver": lambda: _tool("kubernetes") or _tool("etcd"),
    "images": lambda: "" if (ROOT / "build/images.json").exists() else "the images are not built: make images",
    "cluster": _cluster,
    "netns": _netns,
    "browser": lambda: "" if shutil.which("chromium") and shutil.which("chromedriver") else "no browser: python3 scripts/setup/browser.py",
    "data": lambda: "" if data_dir().is_dir() else f"no real data sets at {data_dir()}: set SPARKYARD_DATA",
}


@cache
def missing(need: str) -> str:
    return NEEDS[need]()


class FolderScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Side by side (-n 2), a folder's tests stay in one process: they share tables or an API server."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.split("::")[0].rpartition("/")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> FolderScheduling:
    return FolderScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rotate_faults(items)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("long") and not item.config.getoption("--long"):
        pytest.skip("takes long, or is not today's case: make test-long")
    required = item.config.getoption("--require").split(",")
    for need in NEEDS:
        if item.get_closest_marker(need) and (reason := missing(need)):
            if need in required:
                pytest.fail(f"required: {reason}", pytrace=False)
            pytest.skip(reason)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The real data sets; use it together with the marker `data`."""
    return data_dir()
