"""The operator's CRDs, applied before every upgrade, since helm never upgrades them."""

import subprocess
import sys
import time
from typing import Any

import yaml

from sparkyard.errors import TimedOut, ToolMissing
from sparkyard.kube import Kube
from sparkyard.project import ROOT

Object = dict[str, Any]
CRDS = ROOT / "build" / "crds"
CRD_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def apply_crds(kube: Kube) -> int:
    """Generate them from the operator's Go types, apply them server-side, and wait until they are served; how many they are."""
    built = subprocess.run([sys.executable, str(ROOT / "scripts/charts/crds.py")], cwd=ROOT, stdout=subprocess.DEVNULL)
    if built.returncode:
        raise ToolMissing("the CRDs cannot be generated; the reason stands above", next_command="make tools")
    crds = [document for path in sorted(CRDS.glob("*.yaml")) for document in yaml.safe_load_all(path.read_text()) if document]
    for crd in crds:
        kube.apply(f"{CRD_PATH}/{crd['metadata']['name']}", crd)
    for crd in crds:
        _wait_for_crd(kube, crd["metadata"]["name"])
    return len(crds)


def _wait_for_crd(kube: Kube, name: str, timeout: float = 30) -> None:
    deadline = time.monotonic() + timeout
    while not _is_established(kube.get(f"{CRD_PATH}/{name}")):
        if time.monotonic() > deadline:
            raise TimedOut(f"is not served after {timeout:.0f} s", where=f"CRD {name}", next_command=f"kubectl describe crd {name}")
        time.sleep(0.2)


def _is_established(crd: Object) -> bool:
    return any(item["type"] == "Established" and item["status"] == "True" for item in crd.get("status", {}).get("conditions", []))
