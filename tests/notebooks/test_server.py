"""The server as the image runs it, on this machine: `%%sql`, errors in words, and the Spark UI under a path of the kernel's own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from charts.apiserver import free_port

from sparkyard.project import ROOT

sys.path.insert(0, str(ROOT / "scripts" / "bench"))
sys.path.insert(0, str(ROOT / "scripts" / "dev"))  # before the other, which has a notebook.py too
import notebook
from notebook_hub import Hub, Kernel

pytestmark = [pytest.mark.java, pytest.mark.long]
TOKEN = "only-for-this-test"
PREFIX = "/user/ann/"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A server of one person, at the path that a hub would give it."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    own = {"HOME": str(folder), "TMPDIR": str(folder), "JUPYTERHUB_SERVICE_PREFIX": PREFIX}
    own |= {"SPARKYARD_KERNEL_IDLE": "3600", "SPARKYARD_KERNEL_WARNING": "3599"}
    caches = {"UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache/uv"))}
    config = {"JUPYTER_CONFIG_PATH": str(ROOT / "images/notebook/jupyter"), "SPARKYARD_CACHE": str(Path.home() / ".cache/sparkyard")}
    options = [f"--ServerApp.base_url={PREFIX}", f"--port={port}", f"--IdentityProvider.token={TOKEN}", "--no-browser", "--allow-root"]
    command = notebook.make_command(["jupyter", "server", *options])
    with (folder / "log").open("wb") as log:
        environment = notebook.make_environment(folder / "home") | own | caches | config
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            wait(process, f"http://127.0.0.1:{port}{PREFIX}api", folder / "log")
            yield Hub(port, TOKEN)
        finally:
            process.terminate()
            process.wait(30)


def wait(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    for _ in range(300):
        try:
            httpx.get(url)
            return
        except httpx.TransportError:
            assert process.poll() is None, log.read_text()[-3000:]
            time.sleep(0.4)
    raise AssertionError(log.read_text()[-3000:])


@pytest.fixture(scope="module")
def kernel(hub: Hub) -> Iterator[Kernel]:
    kernel = hub.open_kernel("ann")
    yield kernel
    kernel.close()


def test_looking_at_it_starts_nothing(kernel: Kernel) -> None:
    assert kernel.must("spark").text.startswith("<spark: not started")


def test_an_idle_kernel_says_that_it_goes_and_is_as_idle_as_before(hub: Hub, kernel: Kernel) -> None:
    kernel.must("1 + 1")
    before = get_activity(hub, kernel)
    kernel.socket.settimeout(60)
    while (message := json.loads(kernel.socket.recv()))["header"]["msg_type"] != "display_data":
        pass
    assert "in 60 minute(s) this kernel ends" in message["content"]["data"]["text/plain"]
    assert get_activity(hub, kernel) == before, "the words count as a sign of life"


def get_activity(hub: Hub, kernel: Kernel) -> str:
    return str(hub.client.get(f"{PREFIX}api/kernels/{kernel.identity}").json()["last_activity"])


def test_sql_in_a_cell(kernel: Kernel) -> None:
    kernel.must("least = 3")
    shown = kernel.must("%%sql few\nSELECT id, id * id AS square FROM range(6) WHERE id > :least ORDER BY id").shown
    assert any("4   16\n5   25\n2 row(s)" in text for text in shown), shown
    assert kernel.must("few.count()").text == "2\n"


def test_an_error_is_told_in_words_with_its_line(kernel: Kernel) -> None:
    wrong = kernel.run("x = 1\nspark.range(3).select('nothing')")
    trace = "\n".join(wrong.trace)
    assert "UNRESOLVED_COLUMN" in trace
    assert "line 2: spark.range(3).select('nothing')" in trace
    assert "\tat " not in trace
    assert "division by zero" in "\n".join(kernel.run("1 / 0").trace), "Python's own are as they were"


def test_the_spark_ui_and_its_executors_page(hub: Hub, kernel: Kernel) -> None:
    shown = kernel.must("spark.stop()\nspark.range(10).count()").shown
    path = next(text.removeprefix("Spark UI: ") for text in shown if text.startswith("Spark UI: "))
    page = hub.client.get(f"{path}executors/").text
    assert f'href="{path}static/' in page, "its parts are asked for below the kernel's path"
    assert f"setUIRoot('{path.rstrip('/')}')" in page
    moved = hub.client.get(path.rstrip("/"))
    assert moved.headers["location"] == f"{path}jobs/"
    [application] = hub.client.get(f"{path}api/v1/applications").json()
    executors = hub.client.get(f"{path}api/v1/applications/{application['id']}/allexecutors").json()
    assert [executor["id"] for executor in executors] == ["driver"]
    assert hub.client.get(f"{path}static/executorspage-template.html").status_code == 200
    assert httpx.get(f"{hub.address}{path}executors/").status_code in (302, 403), "without a token nobody sees it"
    assert hub.client.get(f"{PREFIX}spark/0123/executors/").status_code == 404
