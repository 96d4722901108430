"""The values of an installation: images that were built, presets, files and single settings."""

import copy
import json
import re
from collections.abc import Iterator, Sequence
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
MISSING = object()


@dataclass(frozen=True)
class InstallRequest:
    values: Sequence[Path] = ()
    presets: Sequence[str] = ()
    settings: Sequence[str] = ()
    namespace: str = PLATFORM_NAMESPACE
    timeout: int = 600
    reuse: bool = False  # values that the release was given earlier stay, below these
    forget: bool = False  # or are dropped, where these lack them


def make_values(request: InstallRequest, given: Object | None = None) -> Object:
    """Those given earlier, if any, then presets, files, --set: what comes later wins, and lists are replaced, as helm itself does it."""
    values = merge(given or {}, {"global": {"images": load_images() | dict(_foreign_images(given or {}))}})
    for path in [*map(find_preset, request.presets), *request.values]:
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


def list_lost(given: Object, values: Object) -> list[str]:
    """Values given earlier that these ones would silently undo, by path; a default is none, nor is an image built anew."""
    defaults, lost = load_defaults(), set[str]()
    for path, old in _leaves(given):
        default = _find(defaults, path)
        is_image_of_before = path[:2] == ("global", "images") and default is MISSING
        if _find(values, path) is MISSING and old != default and not is_image_of_before:
            lost.add(".".join(path))
    built, now = load_images(), values["global"]["images"]
    return sorted(lost | {f"global.images.{name}" for name, _ in _foreign_images(given) if now.get(name) == built[name]})


def load_defaults() -> Object:
    """What the charts themselves say: the umbrella's word over that of its parts."""
    umbrella = load_values(CHART / "values.yaml")
    files = [path for path in CHART.parent.glob("*/values.yaml") if path.parent != CHART]
    return merge({path.parent.name: load_values(path) for path in files}, umbrella)


def _foreign_images(given: Object) -> Iterator[tuple[str, str]]:
    """Images that a site has named itself, of a repository that is not the built one's."""
    built = load_images()
    for name, ref in given.get("global", {}).get("images", {}).items():
        if name in built and ref and _repository(ref) != _repository(built[name]):
            yield name, ref


def _repository(ref: str) -> str:
    """Without tag and digest; a port is none."""
    return re.sub(r":[^:/]*$", "", ref.partition("@")[0])


def _leaves(tree: Object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*path, str(key)))
        else:
            yield (*path, str(key)), value


def _find(tree: Any, path: Sequence[str]) -> Any:
    """The value there, or that of the parent which is no mapping any more."""
    for part in path:
        if not isinstance(tree, dict):
            return tree
        tree = tree.get(part, MISSING)
    return tree


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
