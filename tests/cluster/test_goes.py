"""The node goes without a trace, whatever happened to it before."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rotation import NODE, rotating

from cluster.node import Node, eventually, host_network
from sparkyard.project import ROOT

pytestmark = pytest.mark.netns

MOMENTS: dict[str, Callable[[Node], bool]] = {
    "at once": lambda node: True,
    "the namespace is there": lambda node: os.path.exists(f"/run/netns/{node.netns}"),
    "the launcher runs": lambda node: (node.home / "logs/launcher.log").exists(),
    "the doors are open": lambda node: (node.home / "life/ports.json").exists(),
    "pid 1 is there": lambda node: (node.home / "life/init.json").exists(),
    "etcd answers": lambda node: "etcd" in progress(node),
    "the API server answers": lambda node: "API server" in progress(node),
    "the node is ready": lambda node: "node ready" in progress(node),
    "pods run": lambda node: "coredns" in progress(node),
}
COMPONENTS = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kube-router"]
COMPONENTS += ["containerd", "registry", "relay"]


def progress(node: Node) -> str:
    file = node.home / "life/progress.log"
    return file.read_text() if file.exists() else ""


def test_down_leaves_nothing_of_up(absent: Node) -> None:
    before = host_network()
    absent.up()
    assert host_network() == before
    assert absent.leftovers()
    assert "is gone" in absent.down()
    assert absent.leftovers() == {}
    assert host_network() == before
    assert "there was nothing" in absent.down()


@pytest.mark.parametrize("moment", rotating(list(MOMENTS), guarding=NODE))
def test_down_and_up_after_up_was_killed(absent: Node, moment: str) -> None:
    before = host_network()
    up = absent.start_up()
    eventually(lambda: MOMENTS[moment](absent), what=moment)
    os.kill(up.pid, signal.SIGKILL)
    up.wait()
    absent.down()
    assert absent.leftovers() == {}
    assert host_network() == before
    absent.up()
    assert absent.kubectl("get", "--raw", "/readyz").returncode == 0


@pytest.mark.long
@pytest.mark.parametrize("moment", ["the doors are open", "etcd answers"])
def test_up_takes_over_where_a_killed_one_stopped(absent: Node, moment: str) -> None:
    up = absent.start_up()
    eventually(lambda: MOMENTS[moment](absent), what=moment)
    os.kill(up.pid, signal.SIGKILL)
    up.wait()
    absent.up()
    assert absent.status()["phase"] == "ready"


@pytest.mark.parametrize("component", rotating(COMPONENTS, guarding=NODE))
def test_a_killed_component_comes_back(absent: Node, component: str) -> None:
    absent.up()
    before = absent.status()["components"][component]
    assert absent.inside("kill", "-9", str(before["pid"])).returncode == 0
    eventually(lambda: absent.status()["components"][component]["starts"] > before["starts"], what=f"{component} to start again")
    eventually(lambda: absent.kubectl("get", "--raw", "/readyz").returncode == 0, what="the API server")
    absent.ask("create", "namespace", "after")
    absent.ask("wait", "--for=condition=Ready", f"node/{absent.netns}", "--timeout=60s")
    absent.down()
    assert absent.leftovers() == {}


@pytest.mark.fault
def test_up_says_so_when_the_bring_up_is_killed(absent: Node) -> None:
    up = absent.start_up(stderr=subprocess.PIPE)
    eventually(lambda: (absent.home / "life/progress.log").exists(), what="the first step")
    pids = [int(process.name) for process in Path("/proc").glob("[0-9]*") if absent.owns(process) and b"node.py" in cmdline(process)]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert "bringing the node up ended with -9" in up.communicate(timeout=60)[1].decode()
    assert up.returncode == 1


def cmdline(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.fault
def test_a_dead_node_is_said_to_be_dead_and_made_anew(absent: Node) -> None:
    absent.up()
    dead = absent.status()["init"]
    os.kill(dead["pid"], signal.SIGKILL)
    eventually(lambda: absent.status()["phase"] == "dead", what="the node to be seen as dead")
    absent.up()
    status = absent.status()
    assert status["phase"] == "ready"
    assert status["init"] != dead


def test_a_pid_that_was_used_again_is_not_killed(absent: Node) -> None:
    bystander = subprocess.Popen(["sleep", "60"])
    life = absent.home / "life"
    life.mkdir(parents=True)
    (life / "init.json").write_text(json.dumps({"pid": bystander.pid, "start": 1}))
    absent.down()
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


@pytest.mark.fault
def test_a_node_whose_component_cannot_run_is_replaced(absent: Node) -> None:
    absent.up()
    before = absent.status()
    program = absent.home / "life/bin/kube-scheduler"
    program.unlink()
    program.symlink_to("/bin/false")
    absent.inside("kill", "-9", str(before["components"]["kube-scheduler"]["pid"]))
    eventually(lambda: absent.status()["components"]["kube-scheduler"]["starts"] > 4, what="the scheduler to fail again and again")
    said = absent.up()
    assert "half-dead (not running: kube-scheduler" in said
    assert absent.status()["init"] != before["init"]


def test_a_component_that_keeps_failing_while_the_node_comes_up_is_named(tmp_path: Path) -> None:
    """Asked of the bring-up itself: no fault from outside makes a component fail every time."""
    state = {"pid": None, "starts": 5, "last_exit": 1}
    ask = f"""import sys; sys.path.insert(0, {str(ROOT / "scripts/cluster")!r})
import place, probes
there = place.get_place()
there.components.mkdir(parents=True)
(there.components / "etcd.state").write_text({json.dumps(state)!r})
probes.wait_for(there, "etcd", lambda: False)"""
    environment = {**os.environ, "SPARKYARD_CACHE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", ask], env=environment, capture_output=True, text=True)
    assert "etcd keeps failing (exit code 1): see" in done.stderr
    assert "etcd.log" in done.stderr
