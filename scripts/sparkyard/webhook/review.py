"""What admission answers: the defaults as a patch, or a refusal in the words of `sparkyard check`. Decides, and touches nothing."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sparkyard.check import Finding, check_application
from sparkyard.defaults import HARMLESS, apply_defaults, is_same_run, reapply_defaults
from sparkyard.defaults.merge import merge
from sparkyard.names import DEFAULTS_REVISION
from sparkyard.settings import PlatformSettings
from sparkyard.webhook.jsonpatch import make_patch

Json = dict[str, Any]
FindRevision = Callable[[str], PlatformSettings | None]
KEPT = "the defaults that this application runs with are no longer known: it is left as it runs; delete and apply it to change it"


@dataclass(frozen=True)
class Answer:
    outcome: str  # changed, unchanged, refused
    findings: tuple[Finding, ...] = ()
    patch: tuple[Json, ...] = ()
    notes: tuple[str, ...] = ()


def decide(request: Json, current: PlatformSettings, find_revision: FindRevision, run_id: str) -> Answer:
    new, old = _in_namespace(request["object"], request), request.get("oldObject") or {}
    if new.get("kind") == "ScheduledSparkApplication":
        return _checked(new, lambda: new, current)
    if request["operation"] == "CREATE":
        return _checked(new, lambda: apply_defaults(new, current, run_id), current)
    if is_same_run(new, old):
        return Answer("unchanged")
    return _decide_update(new, old, current, find_revision, run_id)


def _decide_update(new: Json, old: Json, current: PlatformSettings, find_revision: FindRevision, run_id: str) -> Answer:
    name = (old["metadata"].get("annotations") or {}).get(DEFAULTS_REVISION, "")
    settings = find_revision(name) if name else None
    if settings:
        full = reapply_defaults(new, old, settings, run_id)
    elif name and is_same_run({"spec": merge(new["spec"], old["spec"])}, old):
        kept = {**old["spec"], **{key: new["spec"][key] for key in HARMLESS if key in new["spec"]}}
        return Answer("changed", patch=tuple(make_patch(new, {**new, "spec": kept})), notes=(KEPT,))
    else:
        full = apply_defaults(new, current, run_id)
    if is_same_run(full, old):  # what runs already was let in before
        return Answer("changed", patch=tuple(make_patch(new, full)))
    return _checked(new, lambda: full, current)


def _checked(said: Json, complete: Callable[[], Json], settings: PlatformSettings) -> Answer:
    findings = tuple(check_application(said, settings))
    if any(finding.severity == "error" for finding in findings):
        return Answer("refused", findings)
    patch = tuple(make_patch(said, complete()))
    return Answer("changed" if patch else "unchanged", findings, patch)


def _in_namespace(app: Json, request: Json) -> Json:
    """The API server may leave the namespace to the request."""
    metadata = app.get("metadata") or {}
    return {**app, "metadata": {**metadata, "namespace": metadata.get("namespace") or request.get("namespace")}}


def format_review(request: Json, answer: Answer) -> Json:
    """The answer as an AdmissionReview (v1)."""
    response: Json = {"uid": request["uid"], "allowed": answer.outcome != "refused"}
    warnings = [str(finding) for finding in answer.findings if finding.severity == "warning"] + list(answer.notes)
    if warnings:
        response["warnings"] = warnings
    if answer.outcome == "refused":
        response["status"] = {"code": 403, "reason": "Forbidden", "message": format_refusal(answer.findings)}
    if answer.patch:
        response |= {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(answer.patch).encode()).decode()}
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}


def format_refusal(findings: tuple[Finding, ...]) -> str:
    errors = [str(finding) for finding in findings if finding.severity == "error"]
    return "\n".join([f"{len(errors)} finding{'s' * (len(errors) > 1)}:", *errors, "Next: sparkyard check MANIFEST"])
