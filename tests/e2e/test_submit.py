"""`sparkyard submit` and its neighbours: states, log, record, cause and exit code, as a user meets them."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sparkyard.project import ROOT

pytestmark = pytest.mark.cluster
HELLO = "manifests/jobs/hello-hello.yaml"
EVENTS = "manifests/jobs/events-windows.yaml"
SLEEP = """
import time
from pyspark.sql import SparkSession
SparkSession.builder.getOrCreate().range(10).count()
print("counted", flush=True)
time.sleep(600)
"""


def test_submit_follows_to_the_end_and_keeps_the_record(yard: Any, tmp_path: Path) -> None:
    done = yard.sparkyard("submit", HELLO, "--name", "e2e-hello", "--wait", "--json", "--home", str(tmp_path))
    record = json.loads(done.stdout)
    assert (record["state"], record["job"], record["cause"]) == ("succeeded", "e2e-hello", None)
    assert record["summary"]["run_id"] == record["run_id"], "the run id travels to the job and back"
    assert {"queued", "driver", "total"} <= set(record["times"])
    for word in ("SUBMITTED", "RUNNING", "COMPLETED", "RESULT"):
        assert word in done.stderr
    assert json.loads(next((tmp_path / "runs").glob("*/record.json")).read_text()) == record
    listed = json.loads(yard.sparkyard("list", "--json").stdout)
    assert {"name": "e2e-hello", "state": "COMPLETED"}.items() <= next(row for row in listed if row["name"] == "e2e-hello").items()
    assert "RESULT" in yard.sparkyard("logs", "e2e-hello").stdout
    yard.sparkyard("delete", "e2e-hello")
    assert yard.app("e2e-hello") is None


@pytest.mark.parametrize(
    ("manifest", "arguments", "code", "words"),
    [
        (HELLO, ["--nonsense"], 2, "--nonsense"),
        (EVENTS, ["--input", "s3a://raw/nowhere/"], 5, "s3a://raw/nowhere"),
    ],
)
def test_a_failure_has_its_exit_code_and_its_words(
    yard: Any, tmp_path: Path, manifest: str, arguments: list[str], code: int, words: str
) -> None:
    options = ["--name", "e2e-failing", "--wait", "--json", "--home", str(tmp_path)]
    done = yard.sparkyard("submit", manifest, *options, "--", *arguments, code=code)
    record = json.loads(done.stdout)
    assert record["state"] == "failed"
    assert words in record["cause"]["message"]
    assert "Traceback" not in done.stderr.splitlines()[-1]


@pytest.mark.fault
def test_an_exception_of_a_plain_script_is_named(yard: Any, tmp_path: Path) -> None:
    yard.run_code("e2e-raises", "raise ZeroDivisionError('by hand')")
    record = yard.record("e2e-raises", tmp_path)
    assert record["state"] == "failed"
    assert record["cause"]["message"] == "ZeroDivisionError: by hand"


@pytest.mark.fault
def test_an_image_that_is_not_there_is_named_and_the_application_cancelled(yard: Any, tmp_path: Path) -> None:
    images = yard.kube.list(f"/api/v1/namespaces/{yard.namespace}/pods", labelSelector="spark-role=driver")
    ours = images[0]["spec"]["containers"][0]["image"] if images else "localhost:5000/sparkyard/spark:x"
    missing = ours.rsplit(":", 1)[0] + ":no-such-tag"
    manifest = tmp_path / "job.yaml"
    manifest.write_text((ROOT / HELLO).read_text().replace("  mode: cluster", f"  mode: cluster\n  image: {missing}"))
    done = yard.sparkyard(
        "submit", str(manifest), "--name", "e2e-no-image", "--wait", "--stuck-after", "5", "--home", str(tmp_path), code=None
    )
    assert done.returncode in (8, 9), done.stderr
    assert "no-such-tag" in done.stderr


def test_cancel_stops_it_and_says_so(yard: Any, tmp_path: Path) -> None:
    yard.run_code("e2e-cancel", SLEEP)
    yard.wait_for_driver("e2e-cancel")
    yard.sparkyard("cancel", "e2e-cancel")
    yard.wait_for("e2e-cancel", ("SUSPENDED",))
    assert yard.record("e2e-cancel", tmp_path)["state"] == "cancelled"
    yard.sparkyard("delete", "e2e-cancel")


@pytest.mark.fault
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "kill"])
def test_interrupting_cancels_when_asked_to(yard: Any, tmp_path: Path, number: signal.Signals) -> None:
    yard.run_code("e2e-interrupt", SLEEP)  # leaves the ConfigMap that the submitted one uses
    document = yard.app("e2e-interrupt")
    yard.delete("e2e-interrupt")
    manifest = tmp_path / "job.yaml"
    manifest.write_text(
        json.dumps(
            {
                "apiVersion": document["apiVersion"],
                "kind": document["kind"],
                "metadata": {"name": "e2e-interrupt"},
                "spec": document["spec"],
            }
        )
    )
    command = [sys.executable, "-c", "from sparkyard.cli import main; main()", "submit", str(manifest), "--wait", "--cancel-on-interrupt"]
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # as from a terminal: a shell's background ignores it
    process = subprocess.Popen([*command, "--home", str(tmp_path)], stderr=subprocess.PIPE, text=True, cwd=ROOT, preexec_fn=heard)
    yard.wait_for_driver("e2e-interrupt")
    time.sleep(2)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 11, errors
    yard.wait_for("e2e-interrupt", ("SUSPENDED",))
    yard.delete("e2e-interrupt")


def test_a_running_application_opens_in_the_browser_and_is_not_replaced(yard: Any, tmp_path: Path) -> None:
    yard.run_code("e2e-busy", SLEEP)
    yard.wait_for_driver("e2e-busy")
    assert "<title>e2e-busy - Spark Jobs</title>" in read_ui(yard, "e2e-busy")
    done = yard.sparkyard("submit", HELLO, "--name", "e2e-busy", "--home", str(tmp_path), code=2)
    assert "already there" in done.stderr
    assert "sparkyard cancel e2e-busy" in done.stderr
    yard.delete("e2e-busy")


def read_ui(yard: Any, name: str) -> str:
    """The page that `sparkyard open` leads a browser to, once the driver's session is up."""
    deadline = time.monotonic() + 60
    while "counted" not in yard.kubectl("logs", "-n", yard.namespace, f"{name}-driver", check=False).stdout:
        assert time.monotonic() < deadline, f"{name}: no session within 60 s"
        time.sleep(0.5)
    command = [sys.executable, "-u", "-c", "from sparkyard.cli import main; main()", "open", name, "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout
            [url, *_] = process.stdout.readline().split()
            return urllib.request.urlopen(url, timeout=30).read().decode()  # type: ignore[no-any-return]
        finally:
            process.terminate()


@pytest.mark.fault
def test_deleting_the_driver_is_no_riddle(yard: Any, tmp_path: Path) -> None:
    yard.run_code("e2e-deleted", SLEEP)
    driver = yard.wait_for_driver("e2e-deleted")
    yard.kubectl("delete", "pod", "-n", yard.namespace, driver["metadata"]["name"], "--grace-period=1")
    record = yard.record("e2e-deleted", tmp_path)
    assert record["state"] == "failed"
    assert record["cause"]["message"]
    yard.delete("e2e-deleted")


@pytest.mark.fault
@pytest.mark.netns
def test_following_survives_a_restart_of_the_api_server(yard: Any, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from sparkyard.cli import main; main()", "submit", HELLO, "--name", "e2e-restart", "--wait", "--json"]
    process = subprocess.Popen([*command, "--home", str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    yard.wait_for_driver("e2e-restart")
    cluster = [sys.executable, str(ROOT / "scripts/cluster/main.py")]
    status = json.loads(subprocess.run([*cluster, "status", "--json"], capture_output=True, text=True, check=True).stdout)
    pid = status["components"]["kube-apiserver"]["pid"]
    subprocess.run([*cluster, "exec", "--", "kill", "-9", str(pid)], check=True)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert json.loads(output)["state"] == "succeeded"
    yard.delete("e2e-restart")
