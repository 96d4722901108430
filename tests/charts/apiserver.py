"""A real API server without a node: admission, schemas and rights are its own, and it is up in seconds."""

import ctypes
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from sparkyard.project import ROOT

Object = dict[str, Any]
VERSIONS = {"node": "kubernetes", "newest": "kube-apiserver-newest"}  # which API server: tool that holds it
EACH_VERSION = ["node", pytest.param("newest", marks=pytest.mark.long)]
TOKEN = "only-for-this-test"
PR_SET_PDEATHSIG = 1


class Api:
    """kubectl against one server, as whom one likes."""

    def __init__(self, folder: Path, port: int) -> None:
        self.kubeconfig = folder / "kubeconfig"
        server = {"server": f"https://127.0.0.1:{port}", "insecure-skip-tls-verify": True}
        config = {
            "clusters": [{"name": "it", "cluster": server}],
            "users": [{"name": "admin", "user": {"token": TOKEN}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "admin"}}],
            "current-context": "it",
        }
        self.kubeconfig.write_text(json.dumps(config))

    def kubectl(self, *arguments: str, given: object = None) -> subprocess.CompletedProcess[str]:
        command = [str(get_tool("kubernetes", "kubectl")), "--kubeconfig", str(self.kubeconfig), *arguments]
        text = None if given is None else json.dumps(given)
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=300)

    def apply(self, objects: list[Object], *options: str) -> str:
        done = self.kubectl("apply", "--server-side", *options, "-f", "-", given={"apiVersion": "v1", "kind": "List", "items": objects})
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refusal(self, thing: Object, user: str = "") -> str:
        """Why the server refuses to create it; empty if it would accept it."""
        as_whom = ["--as", user] if user else []
        done = self.kubectl("create", "--dry-run=server", "--validate=false", *as_whom, "-f", "-", given=thing)
        return done.stderr if done.returncode else ""


def get_tool(tool: str, name: str) -> Path:
    """A program that picks its part by the name it is called by."""
    command = [sys.executable, str(ROOT / "scripts/gotools/build.py"), "--path", tool]
    built = Path(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
    link = ROOT / "build" / "tests" / built.name / name
    link.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        link.symlink_to(built)
    return link


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def die_with_parent() -> None:
    """A test run that is killed leaves no server behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@contextmanager
def running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, preexec_fn=die_with_parent)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def run_apiserver(version: str, folder: Path) -> Iterator[Api]:
    client, peer, port = free_port(), free_port(), free_port()
    keys = folder / "sa.key"
    subprocess.run(["openssl", "genrsa", "-out", str(keys), "2048"], check=True, capture_output=True)
    (folder / "tokens.csv").write_text(f'{TOKEN},admin,admin,"system:masters"\n')
    etcd = [
        str(get_tool("etcd", "etcd")),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls=http://127.0.0.1:{client}",
        f"--advertise-client-urls=http://127.0.0.1:{client}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-cluster=default=http://127.0.0.1:{peer}",
        "--unsafe-no-fsync",
    ]
    server = [
        str(get_tool(VERSIONS[version], "kube-apiserver")),
        f"--etcd-servers=http://127.0.0.1:{client}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        f"--cert-dir={folder / 'certs'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        f"--service-account-key-file={keys}",
        f"--service-account-signing-key-file={keys}",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--authorization-mode=RBAC",
        "--allow-privileged",
        "--disable-admission-plugins=ResourceQuota",  # nobody counts here, and what is not counted is refused
    ]
    with running(etcd, folder / "etcd.log"), running(server, folder / "apiserver.log") as process:
        api = Api(folder, port)
        wait_until_ready(api, process, folder / "apiserver.log")
        yield api


def wait_until_ready(api: Api, process: subprocess.Popen[bytes], log: Path, timeout: float = 90) -> None:
    deadline = time.monotonic() + timeout
    while api.kubectl("get", "--raw", "/readyz").returncode:
        alive = process.poll() is None and time.monotonic() < deadline
        assert alive, f"the API server did not start:\n{log.read_text()[-3000:]}"
        time.sleep(0.3)
