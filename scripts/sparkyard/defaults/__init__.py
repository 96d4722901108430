"""Platform defaults as one pure function, for admission, `sparkyard check`, `sparkyard pod-template` and local mode alike."""

import copy
from typing import Any

from sparkyard.defaults.conf import lake_conf, spark_conf
from sparkyard.defaults.merge import key_of, merge, subtract
from sparkyard.defaults.overlay import overlay
from sparkyard.defaults.pods import pod_template
from sparkyard.names import DEFAULTS_REVISION, RUN_ID_LABEL
from sparkyard.settings import PlatformSettings, revision

__all__ = ["HARMLESS", "apply_defaults", "is_same_run", "lake_conf", "pod_template", "reapply_defaults", "spark_conf"]

Json = dict[str, Any]
# The operator runs an application anew on any change of its spec but these.
HARMLESS = ("suspend", "timeToLiveSeconds")


def apply_defaults(app: Json, settings: PlatformSettings, run_id: str = "") -> Json:
    """The application with everything that it leaves open filled in."""
    full = copy.deepcopy(app)
    full["spec"] = merge(full.get("spec") or {}, overlay(full.get("spec") or {}, settings))
    metadata = full.setdefault("metadata", {})
    metadata["annotations"] = {**(metadata.get("annotations") or {}), DEFAULTS_REVISION: revision(settings)}
    if run_id:
        metadata["labels"] = {RUN_ID_LABEL: run_id, **(metadata.get("labels") or {})}
    return full


def reapply_defaults(new: Json, old: Json, settings: PlatformSettings, run_id: str = "") -> Json:
    """An update that keeps the defaults its object was born with: what they gave the old spec is lifted off, then laid under the new one.

    A `kubectl apply` of the unchanged manifest thus leads to the very spec that runs, and nothing is run anew."""
    bare = copy.deepcopy(new)
    bare["spec"] = subtract(new["spec"], overlay(old["spec"], settings)) or {}
    full = apply_defaults(bare, settings)
    if is_same_run(full, old):
        full["spec"] = {**_running(old), **{key: full["spec"][key] for key in HARMLESS if key in full["spec"]}}
    elif run_id and _label(new) == _label(old):
        full["metadata"]["labels"] = {**(full["metadata"].get("labels") or {}), RUN_ID_LABEL: run_id}
    return full


def is_same_run(new: Json, old: Json) -> bool:
    """Would the operator leave a running job alone?"""
    return bool(_sorted(_running(new)) == _sorted(_running(old)))


def _running(app: Json) -> Json:
    return {key: value for key, value in app["spec"].items() if key not in HARMLESS}


def _label(app: Json) -> str | None:
    return (app["metadata"].get("labels") or {}).get(RUN_ID_LABEL)


def _sorted(value: Any) -> Any:
    """Lists of named things in one order; laying defaults under a list may move its items."""
    if isinstance(value, dict):
        return {key: _sorted(item) for key, item in value.items()}
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return sorted((_sorted(item) for item in value), key=lambda item: (str(key_of(item)), repr(sorted(item.items()))))
    return value
