"""The History Server shows a job that has ended, without its pods."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest

from sparkyard.kube.applications import applications_path
from sparkyard.kube.explain import application_state
from sparkyard.project import ROOT

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """What `sparkyard open history` prints, as long as it runs."""
    command = [sys.executable, "-c", "from sparkyard.cli import main; main()", "open", "history", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[0].rstrip("/")
        finally:
            process.terminate()


def ask(url: str) -> Any:
    with urlopen(url, timeout=30) as answer:
        return json.load(answer)


def wait_for_log(address: str, application: str, timeout: float = 90) -> None:
    deadline = time.monotonic() + timeout
    while application not in (known := {item["id"] for item in ask(f"{address}/api/v1/applications?status=completed")}):
        assert time.monotonic() < deadline, f"{application} is not among {sorted(known)}"
        time.sleep(1)


def find_finished(yard: Any) -> str:
    """A job that has ended here before, else one that does now."""
    known = yard.kube.list(applications_path(yard.namespace))
    done = [item for item in known if application_state(item) == "COMPLETED" and "spark.eventLog.dir" in item["spec"]["sparkConf"]]
    application = done[0] if done else yard.wait_for_end(yard.apply(ROOT / "manifests/jobs/hello-hello.yaml"))
    return str(application["status"]["sparkApplicationId"])


def test_a_finished_job_shows_its_executors(yard: Any, address: str) -> None:
    identity = find_finished(yard)
    wait_for_log(address, identity)
    executors = {item["id"]: item for item in ask(f"{address}/api/v1/applications/{identity}/allexecutors")}
    assert "driver" in executors
    assert sum(item["completedTasks"] for name, item in executors.items() if name != "driver") > 0
