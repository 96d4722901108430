"""Gives the node namespaces of its own (network, mounts, processes) and starts its pid 1 in them.

Run as a program it is the launcher: it outlives `up`, records the new pid 1 before that may do anything, and ends.
"""

import ctypes
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from place import CACHE, PREFERRED_PORTS, ROOT, Place, get_place, write_private
from processes import get_start_time

CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWPID = 0x00020000, 0x40000000, 0x20000000
KEEP_ENVIRONMENT = ("PATH", "HOME", "LANG", "XDG_CACHE_HOME", "SPARKYARD_CACHE", "SPARKYARD_CLUSTER_NAME")
libc = ctypes.CDLL(None, use_errno=True)


def launch(place: Place, lock: int) -> None:
    """Start the node; the launcher holds the lock until pid 1 is on record, whatever happens to us."""
    subprocess.run(["ip", "netns", "add", place.netns], check=True)
    with place.log("launcher").open("ab") as out:
        command = [sys.executable, str(Path(__file__)), str(lock)]
        # no proxy or other setting of the caller's reaches the node: its API server must find its webhooks by itself
        environment = {name: os.environ[name] for name in KEEP_ENVIRONMENT if name in os.environ}
        launcher = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, pass_fds=[lock], env=environment
        )
    if launcher.wait() != 0:
        raise RuntimeError(f"the node's namespaces cannot be made: {place.log('launcher').read_text().strip().splitlines()[-1]}")


def check(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def enter_new_namespaces(place: Place) -> None:
    with place.netns_file.open() as netns:
        check(libc.setns(netns.fileno(), CLONE_NEWNET), f"entering {place.netns_file}")
    check(libc.unshare(CLONE_NEWNS | CLONE_NEWPID), "making namespaces for mounts and processes")


def listen(place: Place) -> dict[str, dict[str, int]]:
    """The only doors of the node, on the host's loopback; its relay gets them as open sockets."""
    doors = {}
    for name, preferred in PREFERRED_PORTS.items():
        door = socket.socket()
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1", preferred if place.is_default else 0))
        except OSError:
            door.bind(("127.0.0.1", 0))
        door.listen(128)
        os.set_inheritable(door.fileno(), True)
        doors[name] = {"port": door.getsockname()[1], "fd": door.detach()}
    return doors


def become_pid_1(go: int, lock: int) -> None:
    if os.read(go, 1) != b"!":  # the launcher died before we were on record
        os._exit(1)
    os.close(lock)
    os.close(go)
    supervisor = Path(__file__).with_name("supervisor.py")
    os.execv(sys.executable, [sys.executable, str(supervisor)])


def main() -> None:
    place, lock = get_place(), int(sys.argv[1])
    write_private(place.ports, json.dumps(listen(place)))
    enter_new_namespaces(place)
    go, ready = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ready)
        become_pid_1(go, lock)
    write_private(place.init, json.dumps({"pid": pid, "start": get_start_time(pid)}))
    os.write(ready, b"!")


def arrange_mounts(place: Place) -> None:
    """Inside: what the node writes to /run and /var lands in its own place, and nothing it mounts is seen outside."""
    mount("--make-rprivate", "/")
    let_go_of_foreign_mounts()
    mount("-t", "proc", "proc", "/proc")
    hidden = [folder for folder in (CACHE, ROOT) if folder.is_relative_to("/var") or folder.is_relative_to("/run")]
    handles = {folder: os.open(folder, os.O_PATH) for folder in hidden}
    var = place.life / "var"
    for folder in ("lib", "log", "tmp"):
        (var / folder).mkdir(parents=True, exist_ok=True)
    (var / "run").symlink_to("/run")
    mount("--bind", str(var), "/var")
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    for folder, handle in handles.items():
        folder.mkdir(parents=True, exist_ok=True)
        mount("--no-canonicalize", "--bind", f"/proc/{os.getpid()}/fd/{handle}", str(folder))  # the link itself: what it names is covered
    mount("--make-rshared", "/")  # so that a share mounted in one pod can be seen by another


def let_go_of_foreign_mounts() -> None:
    """Containers and namespaces of others, copied with the mount table, would be held for as long as the node lives."""
    lines = [line.split(" - ") for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for place, kind in reversed([(left.split()[4], right.split()[0]) for left, right in lines]):
        if kind in ("overlay", "nsfs") and place != "/":
            subprocess.run(["umount", "--lazy", place], capture_output=True)  # fails for one that another mount covers: no matter


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def arrange_network(node_ip: str) -> None:
    """Inside: a bridge carries the node's address; the default route leads nowhere, it only lets service addresses be routed."""
    for command in (
        "link set lo up",
        "link add name node0 type bridge",
        f"address add {node_ip}/24 dev node0",
        "link set node0 up",
        "route add default dev node0",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    for key in ("ipv4/ip_forward", "bridge/bridge-nf-call-iptables"):
        Path("/proc/sys/net", key).write_text("1")


def make_cgroups(name: str) -> None:
    """The node's pods live below one cgroup in each hierarchy (in the one of cgroup v2), so that they can be removed with it."""
    top = Path("/sys/fs/cgroup")
    if (top / "cgroup.controllers").exists():
        (top / name).mkdir(exist_ok=True)
        for controller in ("cpu", "cpuset", "memory", "pids", "io"):
            (top / "cgroup.subtree_control").write_text(f"+{controller}")
        return
    for hierarchy in (folder for folder in top.iterdir() if folder.is_dir() and not folder.is_symlink()):
        (hierarchy / name).mkdir(exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):
            if (hierarchy / setting).exists():
                (hierarchy / name / setting).write_text((hierarchy / setting).read_text())


if __name__ == "__main__":
    main()
