"""The smallest JSON patch (RFC 6902) from one value to another that names no more than what changed."""

from typing import Any

Operation = dict[str, Any]


def make_patch(before: Any, after: Any, pointer: str = "") -> list[Operation]:
    if isinstance(before, dict) and isinstance(after, dict):
        return _patch_maps(before, after, pointer)
    if isinstance(before, list) and isinstance(after, list) and len(before) <= len(after):
        return _patch_lists(before, after, pointer)
    return [] if before == after else [{"op": "replace", "path": pointer, "value": after}]


def _patch_maps(before: dict[str, Any], after: dict[str, Any], pointer: str) -> list[Operation]:
    operations: list[Operation] = [{"op": "remove", "path": f"{pointer}/{escape(key)}"} for key in before if key not in after]
    for key, value in after.items():
        here = f"{pointer}/{escape(key)}"
        operations += make_patch(before[key], value, here) if key in before else [{"op": "add", "path": here, "value": value}]
    return operations


def _patch_lists(before: list[Any], after: list[Any], pointer: str) -> list[Operation]:
    operations = [step for place, item in enumerate(before) for step in make_patch(item, after[place], f"{pointer}/{place}")]
    return operations + [{"op": "add", "path": f"{pointer}/-", "value": item} for item in after[len(before) :]]


def escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
