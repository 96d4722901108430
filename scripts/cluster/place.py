"""Where one cluster of this machine lives: its name and everything derived from it."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("SPARKYARD_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sparkyard").resolve()
VERSIONS = dict(
    line.split("=", 1) for line in (ROOT / "images" / "versions.env").read_text().splitlines() if line and not line.startswith("#")
)
DEFAULT_NAME = "sparkyard"
PREFERRED_PORTS = {"api": 16443, "registry": 15000}

NODE_IP = "10.88.0.1"
POD_CIDR = "10.89.0.0/16"
NODE_POD_CIDR = "10.89.0.0/24"  # what the controller manager gives the first node
SERVICE_CIDR = "10.90.0.0/16"
API_SERVICE_IP = "10.90.0.1"
DNS_IP = "10.90.0.10"
REGISTRY = "localhost:5000"


@dataclass(frozen=True)
class Place:
    """Paths of the cluster `name`. `life` goes with it; the registry's layers and the logs stay for the next one."""

    name: str

    @property
    def home(self) -> Path:
        return CACHE / "cluster" / self.name

    @property
    def life(self) -> Path:
        return self.home / "life"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def registry(self) -> Path:
        return self.home / "registry"

    @property
    def pki(self) -> Path:
        return self.life / "pki"

    @property
    def config(self) -> Path:
        return self.life / "config"

    @property
    def bin(self) -> Path:
        return self.life / "bin"

    @property
    def components(self) -> Path:
        return self.life / "components"

    @property
    def lock(self) -> Path:
        return self.home / "lock"

    @property
    def init(self) -> Path:
        return self.life / "init.json"

    @property
    def ports(self) -> Path:
        return self.life / "ports.json"

    @property
    def phase(self) -> Path:
        return self.life / "phase.json"

    @property
    def progress(self) -> Path:
        return self.life / "progress.log"

    @property
    def admin_kubeconfig(self) -> Path:
        return self.config / "admin.kubeconfig"

    @property
    def netns(self) -> str:
        return DEFAULT_NAME if self.is_default else f"{DEFAULT_NAME}-{self.name}"

    @property
    def netns_file(self) -> Path:
        return Path("/run/netns") / self.netns

    @property
    def is_default(self) -> bool:
        return self.name == DEFAULT_NAME

    @property
    def kubeconfig(self) -> Path:
        """Where the user finds it: in the checkout for the default cluster, beside its state for any other."""
        return ROOT / "build" / "kubeconfig" if self.is_default else self.home / "kubeconfig"

    @property
    def env_file(self) -> Path:
        return self.kubeconfig.with_name("cluster.env")

    def log(self, component: str) -> Path:
        return self.logs / f"{component}.log"


def get_place() -> Place:
    name = os.environ.get("SPARKYARD_CLUSTER_NAME") or DEFAULT_NAME
    if not name.replace("-", "").isalnum() or len(name) > 20:
        raise SystemExit(f"SPARKYARD_CLUSTER_NAME={name!r}: letters, digits and dashes, at most 20")
    return Place(name)


def tool(name: str, version: str) -> Path:
    return CACHE / "bin" / f"{name}-{VERSIONS[version]}"


def write_private(path: Path, text: str) -> None:
    """Whole or not at all, and for the owner's eyes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)


def read_json(path: Path) -> Any:
    """The file's content; None where there is none (or no longer)."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
