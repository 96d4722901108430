"""Why no executor comes, asked of the API server with the notebook's own account: Spark itself would try again and say nothing."""

from typing import Any

from sparkyard.names import NOTEBOOK_USER_LABEL
from sparkyard.notebook.api import get_list, list_executors

Json = dict[str, Any]


def explain_waiting(namespace: str, user: str) -> str:
    """In a line; never an exception, since it is asked for while a cell runs."""
    try:
        return explain(list_executors(namespace, user), list_quotas(get_list(namespace, "resourcequotas"), user))
    except OSError as error:
        return f"waiting for executors; the API server does not say why: {error}"


def list_quotas(quotas: list[Json], user: str) -> list[Json]:
    """The namespace's and the person's own."""
    return [quota for quota in quotas if quota["metadata"].get("labels", {}).get(NOTEBOOK_USER_LABEL, user) == user]


def explain(pods: list[Json], quotas: list[Json]) -> str:
    reasons = [reason for pod in pods if (reason := explain_pod(pod))]
    full = [f"{name} {used} of {hard}" for name, used, hard in list_full(quotas)]
    if reasons:
        return f"waiting for executors: {reasons[0]}"
    if full:
        return f"waiting for executors: the quota is full ({', '.join(full)}). Stop another kernel, or ask for more (jupyterhub.quota)"
    return "waiting for executors: their pods are starting"


def explain_pod(pod: Json) -> str:
    status = pod.get("status", {})
    if status.get("phase") != "Pending":
        return ""
    for container in status.get("containerStatuses", []):
        waiting = container.get("state", {}).get("waiting", {})
        if "Image" in waiting.get("reason", ""):
            return f"the image {container.get('image')} cannot be had ({waiting['reason']}): {waiting.get('message', '')}"
    for condition in status.get("conditions", []):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"no node has room: {condition.get('message', '')}"
    return ""


def list_full(quotas: list[Json]) -> list[tuple[str, str, str]]:
    """What is used up to nine tenths: the next executor would not fit."""
    found = []
    for quota in quotas:
        hard, used = quota.get("status", {}).get("hard", {}), quota.get("status", {}).get("used", {})
        found += [(name, used[name], hard[name]) for name in hard if name in used and parse(used[name]) >= 0.9 * parse(hard[name])]
    return found


def parse(quantity: str) -> float:
    units = {"m": 1e-3, "k": 1e3, "Ki": 2**10, "M": 1e6, "Mi": 2**20, "G": 1e9, "Gi": 2**30, "Ti": 2**40}
    unit = next((unit for unit in sorted(units, key=len, reverse=True) if quantity.endswith(unit)), "")
    return float(quantity.removesuffix(unit)) * units.get(unit, 1)
