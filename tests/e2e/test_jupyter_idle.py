"""Who walks away leaves nothing running: a word, then the kernel and its executors go, then the server. The home stays."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from e2e.hub import SPACE, Hub, Kernel, list_executors, upgrade, wait_for_no_executors

pytestmark = [pytest.mark.cluster, pytest.mark.helm, pytest.mark.long]
IDLE = {"kernel": 60, "warning": 30, "server": 30}
LOOKS = 30  # seconds between two looks of the server at its kernels and at itself, and of the hub at its servers


@pytest.fixture(scope="module")
def fay(yard: Any, hub: Hub) -> Iterator[Kernel]:
    try:
        upgrade(yard, idle=IDLE)
        hub.start("fay")
        hub.wait_for_server("fay")
        yield hub.open_kernel("fay")
    finally:
        upgrade(yard)


def list_kernels(hub: Hub) -> list[Any]:
    return list(hub.client.get("/user/fay/api/kernels", params={"no_track_activity": 1}).json())


def hear(kernel: Kernel, word: str, seconds: float) -> str:
    """The first thing displayed that says so, without running a cell."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        message = json.loads(kernel.socket.recv())
        text = message["content"].get("data", {}).get("text/plain", "")
        if message["msg_type"] == "display_data" and word in text:
            return str(text)
    raise AssertionError(f"not a word of {word!r} in {seconds:.0f} s")


def test_a_cell_that_runs_is_not_idle(fay: Kernel, hub: Hub) -> None:
    assert fay.must(f"import time; time.sleep({IDLE['kernel'] + 2 * LOOKS}); print('still here')").text == "still here\n"
    assert len(list_kernels(hub)) == 1


def test_an_idle_kernel_says_so_and_goes_with_its_executors(yard: Any, hub: Hub, fay: Kernel) -> None:
    fay.must("spark.range(8).repartition(2).count()")
    ended = time.monotonic()
    assert list_executors(yard, "fay")
    assert "30 seconds this kernel ends" in hear(fay, "kernel ends", IDLE["kernel"])
    assert time.monotonic() - ended < IDLE["kernel"], "said when it was too late"
    hub.wait(lambda: not list_kernels(hub), "the idle kernel is still there", IDLE["kernel"] + 2 * LOOKS)
    wait_for_no_executors(yard, "fay")


def test_a_server_without_kernels_goes_and_the_home_stays(yard: Any, hub: Hub, fay: Kernel) -> None:
    hub.wait(lambda: not hub.get_server("fay"), "the idle server is still there", IDLE["server"] + 4 * LOOKS)
    assert yard.kube.find(f"/api/v1/namespaces/{SPACE}/pods/jupyter-fay") is None
    assert yard.kube.get(f"/api/v1/namespaces/{SPACE}/persistentvolumeclaims/home-fay")
