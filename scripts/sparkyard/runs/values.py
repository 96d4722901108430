"""The values of an installation: images that were built, a preset, files and single settings."""

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sparkyard.errors import ToolMissing, UsageError
from sparkyard.names import PLATFORM_NAMESPACE
from sparkyard.project import ROOT

Object = dict[str, Any]
CHART = ROOT / "charts" / "sparkyard"
PRESETS = CHART / "presets"
IMAGES = ROOT / "build" / "images.json"


@dataclass(frozen=True)
class InstallRequest:
    values: Sequence[Path] = ()
    preset: str = ""
    settings: Sequence[str] = ()
    namespace: str = PLATFORM_NAMESPACE
    timeout: int = 600


def make_values(request: InstallRequest) -> Object:
    """Preset, then files, then --set: what comes later wins, and lists are replaced, as helm itself does it."""
    values: Object = {"global": {"images": load_images()}}
    files = [find_preset(request.preset)] if request.preset else []
    for path in [*files, *request.values]:
        values = merge(values, load_values(path))
    for setting in request.settings:
        values = merge(values, parse_setting(setting))
    if not values["global"]["images"].get("spark"):
        raise ToolMissing(
            "the images are not built, and no values name them (global.images)", where=str(IMAGES), next_command="make images"
        )
    return values


def load_images() -> dict[str, str]:
    built = json.loads(IMAGES.read_text()) if IMAGES.exists() else {}
    return {camel_case(name): ref for name, ref in built.items()}


def camel_case(name: str) -> str:
    first, *rest = name.split("-")
    return first + "".join(word.capitalize() for word in rest)


def find_preset(name: str) -> Path:
    path = PRESETS / f"{name}.yaml"
    if not path.exists():
        known = ", ".join(sorted(file.stem for file in PRESETS.glob("*.yaml"))) or "none"
        raise UsageError(f"no such preset; there are: {known}", where=f"--preset {name}")
    return path


def load_values(path: Path) -> Object:
    try:
        values = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise UsageError(f"cannot be read as values: {error}", where=str(path)) from None
    if not isinstance(values or {}, dict):
        raise UsageError("is no mapping of values", where=str(path))
    return values or {}


def parse_setting(text: str) -> Object:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise UsageError("expected key.of.value=value", where=f"--set {text}")
    tree: Any = yaml.safe_load(value)
    for part in reversed(key.split(".")):
        tree = {part: tree}
    return tree  # type: ignore[no-any-return]


def merge(base: Object, over: Object) -> Object:
    merged = copy.deepcopy(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else copy.deepcopy(value)
    return merged
