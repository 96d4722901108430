"""Laying defaults under what a manifest says, and lifting them off again: plain values in, plain values out."""

from typing import Any

# Lists of named things are maps in disguise; the first of these keys that an item has identifies it.
# A mount's path comes first: the same volume may be mounted twice.
KEYS = ("mountPath", "name")
# An item of these is one thing: half of a volume and half of another is none.
WHOLE = ("env", "volumes")
# That these are there at all says something, even if they say only what the defaults say.
PRESENT = ("podSecurityContext", "securityContext")


def key_of(item: Any) -> str | None:
    if isinstance(item, dict):
        item = next((item[key] for key in KEYS if key in item), None)
    return item if isinstance(item, str) else None


def merge(said: Any, default: Any, name: str = "") -> Any:
    """What was said, completed by the default wherever nothing was said."""
    if isinstance(said, dict) and isinstance(default, dict):
        added = {key: merge(said[key], value, key) if said.get(key) is not None else value for key, value in default.items()}
        return {**said, **added}
    if isinstance(said, list) and isinstance(default, list):
        return _merge_lists(said, default, whole=name in WHOLE)
    return said


def _merge_lists(said: list[Any], default: list[Any], whole: bool) -> list[Any]:
    merged = list(said)
    places = {key_of(item): place for place, item in enumerate(said) if key_of(item) is not None}
    for item in default:
        place = places.get(key_of(item))
        if place is None and item not in said:
            merged.append(item)
        elif place is not None and not whole:
            merged[place] = merge(said[place], item)
    return merged


def subtract(value: Any, default: Any, name: str = "") -> Any:
    """The value without what equals the default; None when nothing is left. Merged again, it says the same."""
    if isinstance(value, dict) and isinstance(default, dict):
        rest = {key: subtract(item, default[key], key) if key in default else item for key, item in value.items()}
        left = {key: item for key, item in rest.items() if item is not None}
        return left if left or name in PRESENT else None
    if isinstance(value, list) and isinstance(default, list):
        return _subtract_lists(value, default, whole=name in WHOLE)
    return None if value == default else value


def _subtract_lists(value: list[Any], default: list[Any], whole: bool) -> list[Any] | None:
    partners = {key_of(item): item for item in default if key_of(item) is not None}
    rest = []
    for item in value:
        partner = None if whole else partners.get(key_of(item))
        left = item if item not in default else None
        if isinstance(left, dict) and isinstance(partner, dict):
            left = {**_identity(item), **(subtract(item, partner) or {})}
        if left is not None:
            rest.append(left)
    return rest or None


def _identity(item: dict[str, Any]) -> dict[str, Any]:
    return {key: item[key] for key in KEYS if key in item}
