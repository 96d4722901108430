"""Where images go: the registry of `make cluster` (build/cluster.env), or the one SPARKYARD_REGISTRY names."""

import os
import urllib.error
import urllib.request
from dataclasses import dataclass

from sparkyard.errors import ToolMissing
from sparkyard.project import ROOT

CLUSTER_ENV = ROOT / "build" / "cluster.env"
MANIFEST_TYPES = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True)
class Registry:
    name: str  # as the cluster's nodes name it
    push: str  # as this machine reaches it

    @property
    def is_loopback(self) -> bool:
        return self.push.rsplit(":", 1)[0] in ("localhost", "127.0.0.1", "[::1]")

    def holds(self, repository: str, tag: str) -> bool:
        """Only asked of our own registry on the loopback: a site's own may want a login, and the push then decides."""
        if not self.is_loopback:
            return False
        request = urllib.request.Request(
            f"http://{self.push}/v2/{repository}/manifests/{tag}", method="HEAD", headers={"Accept": MANIFEST_TYPES}
        )
        try:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            return bool(opener.open(request, timeout=5).status == 200)
        except urllib.error.HTTPError:
            return False
        except OSError as error:
            raise ToolMissing(f"the registry does not answer: {error}", where=self.push, next_command="make cluster") from None


def load_registry() -> Registry | None:
    if site := os.environ.get("SPARKYARD_REGISTRY"):
        return Registry(site.rstrip("/"), site.rstrip("/"))
    if not CLUSTER_ENV.exists():
        return None
    values = dict(line.split("=", 1) for line in CLUSTER_ENV.read_text().splitlines() if "=" in line)
    return Registry(values["REGISTRY"], values["REGISTRY_PUSH"]) if {"REGISTRY", "REGISTRY_PUSH"} <= values.keys() else None


def require_registry() -> Registry:
    if registry := load_registry():
        return registry
    what = f"no registry to push to: neither {CLUSTER_ENV.relative_to(ROOT)} nor SPARKYARD_REGISTRY names one"
    raise ToolMissing(what, next_command="make cluster   (or: SPARKYARD_REGISTRY=registry.example.com/team make images)")
