"""Brings the node of this machine up, or says that it is; what is half-dead is taken away first."""

import fcntl
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import packages
from down import tear_down
from namespaces import launch
from place import REGISTRY, ROOT, Place, read_json, tool, write_private
from processes import die_with_parent, is_alive, wait_until
from supervisor import is_steady, read_states

TIMEOUT = 300.0
PATIENCE = 15.0
GO_TOOLS = ("pause", "etcd", "coredns", "kube-router", "kubernetes", "local-path-provisioner")  # the last two share modules
KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl")


class UpFailed(Exception):
    """The cluster did not come up; the message says where to look."""


@contextmanager
def locked(place: Place) -> Iterator[int]:
    """One `up` or `down` at a time; the launcher that a killed `up` left behind counts as one, too."""
    place.home.mkdir(parents=True, exist_ok=True)
    with place.lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another command that holds {place.lock} …", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


def bring_up(place: Place) -> None:
    start = time.monotonic()
    with locked(place) as lock:
        phase = (read_json(place.phase) or {"phase": "starting"})["phase"] if is_alive(read_json(place.init)) else "dead"
        if phase == "ready" and not (fault := find_fault(place)):
            print(f"the cluster {place.name!r} is already running")
        else:
            if phase == "ready":
                print(f"the cluster {place.name!r} is half-dead ({fault}): making a new one", flush=True)
            if phase != "starting":
                prepare(place)
                launch(place, lock)
            follow(place)
            print(f"{time.monotonic() - start:5.1f} s  in all")
        hand_over(place)


def find_fault(place: Place) -> str | None:
    """What is wrong with a node that came up once. A component that has just died gets the time to come back."""
    wanted = [name for name in read_states(place) if not (place.components / f"{name}.off").exists()]
    try:
        wait_until(lambda: all(is_steady(read_states(place)[name]) for name in wanted) and answers(place), PATIENCE, "it")
    except TimeoutError:
        ailing = [name for name in wanted if not is_steady(read_states(place)[name])]
        return f"not running: {', '.join(ailing)}; logs: {place.logs}" if ailing else "its API server does not answer"
    return None


def prepare(place: Place) -> None:
    """Everything that takes the network or the compiler, then a place swept clean."""
    packages.install_missing()
    unpacked = packages.get_unpacked()
    build = [sys.executable, str(ROOT / "scripts" / "gotools" / "build.py"), *GO_TOOLS]
    if subprocess.run(build, preexec_fn=die_with_parent).returncode != 0:
        raise UpFailed("a Go program of the cluster did not build; its log is named above")
    tear_down(place)
    shutil.rmtree(place.logs, ignore_errors=True)
    for folder in (place.logs, place.registry, place.bin):
        folder.mkdir(parents=True, exist_ok=True)
    link_programs(place.bin, unpacked)


def link_programs(folder: Path, unpacked: Path) -> None:
    targets = {name: tool("kubernetes", "KUBERNETES_VERSION") for name in KUBERNETES}
    targets |= {"etcd": tool("etcd", "ETCD_VERSION"), "kube-router": tool("kube-router", "KUBE_ROUTER_VERSION")}
    for name in ("usr/bin/containerd", "usr/bin/containerd-shim-runc-v2", "usr/bin/ctr", "usr/bin/docker-registry", "bin/busybox"):
        targets[Path(name).name] = unpacked / name
    targets |= {"runc": unpacked / "usr/sbin/runc", "cni": unpacked / "usr/lib/cni", "relay.py": Path(__file__).with_name("relay.py")}
    for name, target in targets.items():
        (folder / name).symlink_to(target)


def follow(place: Place) -> None:
    """Show each step as it is done, until the node is ready or has failed."""
    shown, end = 0, time.monotonic() + TIMEOUT
    while True:
        phase = read_json(place.phase) or {}
        lines = place.progress.read_text().splitlines() if place.progress.exists() else []
        for line in lines[shown:]:
            print(line, flush=True)
        shown = len(lines)
        if phase.get("phase") == "ready":
            return
        if phase.get("phase") == "failed":
            raise UpFailed(f"{phase['error']}\nlogs: {place.logs}; remove what is there with: make down")
        if not is_alive(read_json(place.init)):
            raise UpFailed(f"the node ended while it came up (step: {phase.get('step')}); see {place.log('node')}, then run it again")
        if time.monotonic() > end:
            raise UpFailed(f"not ready after {TIMEOUT:.0f} s (step: {phase.get('step')}); logs: {place.logs}; remove it with: make down")
        time.sleep(0.1)


def answers(place: Place) -> bool:
    command = [str(place.bin / "kubectl"), "--kubeconfig", str(place.admin_kubeconfig), "get", "--raw", "/readyz", "--request-timeout=10s"]
    return subprocess.run(command, capture_output=True).returncode == 0


def hand_over(place: Place) -> None:
    ports = read_json(place.ports)
    push = f"127.0.0.1:{ports['registry']['port']}"
    write_private(place.kubeconfig, place.admin_kubeconfig.read_text())
    write_private(place.env_file, f"REGISTRY={REGISTRY}\nREGISTRY_PUSH={push}\n")
    print(f"\n  export KUBECONFIG={place.kubeconfig}\n  registry: push to {push} (plain http), pods pull from {REGISTRY}")
    if not shutil.which("kubectl"):
        print(f"  no kubectl on this machine's PATH; this one will do: {place.bin / 'kubectl'}")
    print(f"  logs: {place.logs}; remove it all with: make down", flush=True)
