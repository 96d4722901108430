"""Rules about what a pod may be, wherever in the application it is said: Pod Security's `restricted`, images, accounts, places."""

from collections.abc import Iterator
from typing import Any

from sparkyard.check.findings import Application, Finding, Path, items, table, walk

VOLUME_KINDS = {"configMap", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
HOST_FIELDS = {"hostNetwork", "hostPID", "hostIPC", "hostUsers"}
# (field, the value that breaks `restricted`, the value it wants)
ESCAPES: tuple[tuple[str, Any, str], ...] = (
    ("privileged", True, "false"),
    ("allowPrivilegeEscalation", True, "false"),
    ("runAsNonRoot", False, "true"),
    ("runAsUser", 0, "a user other than root"),
    ("procMount", "Unmasked", "Default"),
)
RESERVED_LABELS = {"spark-role", "spark-app-selector", "spark-exec-id"}
RESTRICTED = "leave it out; the platform sets a context that Pod Security restricted admits"


def find_escapes(app: Application) -> Iterator[Finding]:
    for path, value in walk(app.spec, app.base):
        key = path[-1]
        if key in HOST_FIELDS and value is (key != "hostUsers"):
            yield Finding("host-access", path, "a job's pods stay off the node", "leave it out", "nothing", f"{key}: {str(value).lower()}")
        if key == "hostPort" and value:
            yield Finding("host-access", path, "a job's pods stay off the node", "leave it out", "nothing", f"hostPort: {value}")
        for name, forbidden, expected in ESCAPES:
            if key == name and value is not None and value == forbidden and type(value) is type(forbidden):
                yield Finding("security-context", path, "breaks Pod Security restricted", RESTRICTED, expected, str(value).lower())
        if key == "add" and len(path) > 1 and path[-2] == "capabilities" and value:
            yield Finding("security-context", path, "a job's pods have no capabilities", RESTRICTED, "none", ", ".join(map(str, value)))
        if key == "type" and len(path) > 1 and path[-2] in ("seccompProfile", "appArmorProfile") and value == "Unconfined":
            yield Finding("security-context", path, "breaks Pod Security restricted", RESTRICTED, "RuntimeDefault", "Unconfined")


def find_bad_volumes(app: Application) -> Iterator[Finding]:
    for path, value in walk(app.spec, app.base):
        if path[-1] == "volumes" and isinstance(value, list):
            yield from _volumes(value, path)
    for key in app.conf:
        if ".volumes.hostPath." in key or ".volumes.nfs." in key:
            yield _bad_volume((*app.base, "sparkConf", key), key.split(".volumes.")[1].split(".")[0])


def _volumes(volumes: list[Any], path: Path) -> Iterator[Finding]:
    for place, volume in enumerate(volumes):
        for kind in sorted(set(volume if isinstance(volume, dict) else ()) - {"name"} - VOLUME_KINDS):
            yield _bad_volume((*path, place, kind), kind)


def _bad_volume(path: Path, kind: str) -> Finding:
    what = "a job sees no folder of its node" if kind == "hostPath" else "Pod Security restricted admits no such volume"
    return Finding("volume", path, what, "use a persistentVolumeClaim, a share of the platform, or s3a://", seen=kind)


def find_lost_mounts(app: Application) -> Iterator[Finding]:
    names = {volume.get("name") for volume in items(app.spec, "volumes") if isinstance(volume, dict)}
    for role, said in app.roles():
        for place, mount in enumerate(items(said, "volumeMounts")):
            if isinstance(mount, dict) and mount.get("name") not in names:
                path = (*app.base, role, "volumeMounts", place, "name")
                fix = "declare it under spec.volumes, or correct the name"
                yield Finding("lost-mount", path, "the operator silently skips a mount without a volume", fix, seen=str(mount.get("name")))


def find_foreign_images(app: Application) -> Iterator[Finding]:
    images = app.settings.images
    for path, value in walk(app.spec, app.base):
        if path[-1] == "image" and isinstance(value, str) and value != images.spark and not value.startswith(images.allowed or ("\0",)):
            fix = "leave it out; the platform's image is used"
            yield Finding("image", path, "not an image of this platform", fix, " or ".join(images.allowed), value)


def find_foreign_accounts(app: Application) -> Iterator[Finding]:
    for path, value in walk(app.spec, app.base):
        if path[-1] in ("serviceAccount", "serviceAccountName") and isinstance(value, str):
            role = str(path[len(app.base)])
            own = app.settings.executor.service_account if role == "executor" else app.settings.driver.service_account
            if value not in (own, *app.settings.allowed_service_accounts):
                yield Finding("service-account", path, f"not the {role}'s account", "leave it out; the platform sets it", own, value)


def find_bad_places(app: Application) -> Iterator[Finding]:
    settings = app.settings
    classes = (settings.driver.priority_class, settings.executor.priority_class, *settings.allowed_priority_classes)
    for path, value in walk(app.spec, app.base):
        if path[-1] == "nodeName" and value:
            fix = "use nodeSelector, or leave the choice to the scheduler"
            yield Finding("node-name", path, "a fixed node goes around the scheduler and its limits", fix, seen=str(value))
        if path[-1] == "priorityClassName" and value and value not in classes:
            fix = "leave it out; drivers get theirs from the platform"
            yield Finding("priority-class", path, "not a priority of jobs", fix, " or ".join(filter(None, classes)), str(value))
    if table(app.spec, "nodeSelector") and any(table(said, "nodeSelector") for _, said in app.roles()):
        words = "the operator refuses node selectors at both levels"
        yield Finding("node-selector", (*app.base, "nodeSelector"), words, "keep the one of driver and executor")


def find_side_doors(app: Application) -> Iterator[Finding]:
    """Fields that work around the operator's or our own bookkeeping."""
    if said := table(app.spec, "driver").get("podName"):
        words = "logs, UI and clean-up look for <name>-driver"
        yield Finding("pod-name", (*app.base, "driver", "podName"), words, "leave it out", seen=str(said))
    if said := app.spec.get("sparkConfigMap"):
        words = "it hides the properties that Spark itself mounts, the platform's with them"
        yield Finding("config-map", (*app.base, "sparkConfigMap"), words, "write the properties into sparkConf", seen=str(said))
    for role, fields in app.roles():
        for label in sorted(RESERVED_LABELS & set(table(fields, "labels"))):
            path = (*app.base, role, "labels", label)
            yield Finding("reserved-label", path, "this label is Spark's own bookkeeping", "choose another name")
