"""A cluster of the tests' own, driven as a user drives it; never the developer's."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sparkyard.project import ROOT

MAIN = ROOT / "scripts" / "cluster" / "main.py"
CACHE = Path(os.environ.get("SPARKYARD_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sparkyard").resolve()
NAME = f"test-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"


class Node:
    def __init__(self, name: str = NAME) -> None:
        self.name, self.netns = name, f"sparkyard-{name}"
        self.home = CACHE / "cluster" / name
        self.kubeconfig = self.home / "kubeconfig"
        self.environment = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"} | {"SPARKYARD_CLUSTER_NAME": name}
        self.seen: set[tuple[Path, str | None]] = set()

    def main(self, *arguments: str, timeout: float = 400, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(MAIN), *arguments]
        done = subprocess.run(command, env=self.environment | environment, capture_output=True, text=True, timeout=timeout)
        self.look()
        return done

    def up(self) -> str:
        done = self.main("up")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start_up(self, stderr: int | None = None) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(MAIN), "up"]
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True)

    def down(self) -> str:
        self.look()
        done = self.main("down")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.main("status", "--json").stdout)
        return answer

    def inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        return self.main("exec", "--", *command)

    def kubectl(self, *arguments: str, given: object = None) -> subprocess.CompletedProcess[str]:
        command = [str(self.home / "life/bin/kubectl"), "--kubeconfig", str(self.kubeconfig), *arguments]
        text = None if given is None else json.dumps(given)
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=200)

    def ask(self, *arguments: str, given: object = None) -> str:
        done = self.kubectl(*arguments, given=given)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    def apply(self, *objects: dict[str, Any]) -> None:
        self.ask("apply", "--filename=-", given={"apiVersion": "v1", "kind": "List", "items": objects})

    def look(self) -> None:
        """Remember the processes of its namespaces by their birth: the numbers of both are used again after its end."""
        init = read_json(self.home / "life/init.json")
        if not init or birth(Path(f"/proc/{init['pid']}")) != str(init["start"]):
            return
        for kind, source in (("net", "net"), ("mnt", "mnt"), ("pid", "pid_for_children")):
            own = namespace(Path(f"/proc/{init['pid']}"), source)
            self.seen |= {(pid, birth(pid)) for pid in Path("/proc").glob("[0-9]*") if own and namespace(pid, kind) == own}

    def leftovers(self) -> dict[str, Any]:
        """What of it is still on this machine."""
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        left = {
            "processes": [pid for pid in Path("/proc").glob("[0-9]*") if self.owns(pid)],
            "mounts": [line for line in mounts if f"/{self.netns} " in line or str(self.home) in line],
            "namespaces": list(Path("/run/netns").glob(self.netns)),
            "cgroups": list(Path("/sys/fs/cgroup").glob(f"*/{self.netns}")) + list(Path("/sys/fs/cgroup").glob(self.netns)),
            "files": [file for file in self.home.glob("*") if file.name not in ("lock", "logs", "registry")],
        }
        return {kind: things for kind, things in left.items() if things}

    def owns(self, process: Path) -> bool:
        if birth(process) and (process, birth(process)) in self.seen:
            return True
        try:
            if b"scripts/cluster" not in (process / "cmdline").read_bytes():
                return False
            return f"SPARKYARD_CLUSTER_NAME={self.name}\0".encode() in (process / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return False


def read_json(file: Path) -> Any:
    return json.loads(file.read_text()) if file.exists() else None


def birth(process: Path) -> str | None:
    """Its start time; None once it has ended."""
    try:
        state, *fields = (process / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in "ZX" else fields[18]


def namespace(process: Path, kind: str) -> int | None:
    try:
        return os.stat(process / "ns" / kind).st_ino
    except OSError:
        return None


def host_network() -> tuple[str, str]:
    """The machine's own links and packet filters, without counters."""
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
    names = "\n".join(sorted(line.split(":")[1] for line in links.splitlines()))
    return names, "\n".join(line for line in rules.splitlines() if not line.startswith(("#", ":")))


def eventually(condition: Callable[[], bool], timeout: float = 60, what: str = "") -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"not within {timeout:.0f} s: {what or condition}"
        time.sleep(0.2)
