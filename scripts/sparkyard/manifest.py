"""A SparkApplication manifest as a value: load it, ask it, override it. Knows no place and no cluster."""

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sparkyard.errors import ManifestError

API_VERSION = "sparkoperator.k8s.io/v1beta2"
KIND = "SparkApplication"
MEMORY_UNITS = {"": 1 / 1024**2, "b": 1 / 1024**2, "k": 1 / 1024, "m": 1, "g": 1024, "t": 1024**2}


@dataclass(frozen=True)
class Manifest:
    document: dict[str, Any]
    path: str

    @property
    def name(self) -> str:
        return str(self.document["metadata"]["name"])

    @property
    def namespace(self) -> str | None:
        return self.document["metadata"].get("namespace")  # type: ignore[no-any-return]

    @property
    def spec(self) -> dict[str, Any]:
        return self.document["spec"]  # type: ignore[no-any-return]

    def at(self, dotted: str) -> str:
        """Where a key stands, for messages."""
        return f"{self.path}:{dotted}"

    def get(self, dotted: str, default: Any = None) -> Any:
        value: Any = self.spec
        for key in dotted.split("."):
            if not isinstance(value, dict) or value.get(key) is None:
                return default
            value = value[key]
        return value


def load_manifest(path: Path) -> Manifest:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ManifestError("no such manifest", where=str(path), next_command=_suggestion(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"cannot be read: {error}", where=str(path)) from None
    return parse_manifest(text, str(path))


def _suggestion(path: Path) -> str:
    siblings = sorted(str(file) for file in (path.parent if path.parent.is_dir() else Path("manifests/jobs")).glob("*.yaml"))
    return f"sparkyard run {siblings[0]}" + (f"   (there are also {', '.join(siblings[1:6])})" if siblings[1:] else "") if siblings else ""


def parse_manifest(text: str, path: str) -> Manifest:
    try:
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError as error:
        raise ManifestError(f"is not YAML: {' '.join(str(error).split())}", where=path) from None
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise ManifestError(f"expected one {KIND}, found {len(documents)} documents", where=path)
    document = documents[0]
    for key, expected in (("apiVersion", API_VERSION), ("kind", KIND)):
        if document.get(key) != expected:
            raise ManifestError(f"expected {expected}, found {document.get(key)}", where=f"{path}:{key}")
    for parent, key in (("metadata", "name"), ("spec", "mainApplicationFile")):
        if not isinstance(document.get(parent), dict) or not document[parent].get(key):
            raise ManifestError("is missing", where=f"{path}:{parent}.{key}")
    return Manifest(document, path)


def override_arguments(manifest: Manifest, extra: Sequence[str]) -> Manifest:
    """The manifest with further job arguments; they come last, so that they win."""
    document = copy.deepcopy(manifest.document)
    document["spec"]["arguments"] = [*(document["spec"].get("arguments") or []), *extra]
    return Manifest(document, manifest.path)


def parse_memory(text: str, where: str = "memory") -> int:
    """Mebibytes of a Java or Kubernetes memory size: 512m, 2g, 1Gi."""
    found = re.fullmatch(r"(\d+)\s*([bkmgt]?)i?b?", str(text).strip().lower())
    if not found:
        raise ManifestError(f"expected a size such as 512m or 2g, found {text!r}", where=where)
    return max(1, round(int(found[1]) * MEMORY_UNITS[found[2]]))
