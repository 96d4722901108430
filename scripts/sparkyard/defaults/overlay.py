"""What the platform adds to one application's spec. It depends on what the manifest says, never on what was added before."""

from sparkyard.defaults.conf import local_dir_conf, spark_conf
from sparkyard.defaults.pods import (
    CONTAINERS,
    Json,
    RoleName,
    container_security,
    core_request,
    pod_security,
    pod_template,
    role_settings,
)
from sparkyard.defaults.shares import propagated_mounts, share_volumes
from sparkyard.settings import PlatformSettings

LOCAL_DIR_PREFIX = "spark-local-dir-"
# The operator's pod webhook applies these; pods that use none of them are complete without it and say so by a label.
WEBHOOK_FIELDS = {
    *("affinity", "configMaps", "dnsConfig", "env", "envFrom", "gpu", "hostAliases", "hostNetwork", "initContainers", "lifecycle"),
    *("memoryLimit", "nodeSelector", "podSecurityContext", "ports", "priorityClassName", "schedulerName", "securityContext"),
    *("shareProcessNamespace", "sidecars", "terminationGracePeriodSeconds", "tolerations", "volumeMounts"),
}
WEBHOOK_SPEC_FIELDS = {"batchScheduler", "hadoopConfigMap", "monitoring", "sparkConfigMap"}
COMPLETE_LABEL = "sparkyard.dev/pod-complete"
# A CRD field overrides the property it stands for, so it is not set where the manifest uses the property.
PROPERTY_OF = {
    "memoryOverheadFactor": "spark.kubernetes.memoryOverheadFactor",
    "driver.coreRequest": "spark.kubernetes.driver.request.cores",
    "executor.coreRequest": "spark.kubernetes.executor.request.cores",
    "imagePullPolicy": "spark.kubernetes.container.image.pullPolicy",
}


def overlay(spec: Json, settings: PlatformSettings) -> Json:
    images, properties = settings.images, {**settings.spark_conf, **(spec.get("sparkConf") or {})}
    factor = settings.memory_overhead.python if spec.get("type") in ("Python", "R") else settings.memory_overhead.java
    fields: Json = {
        "mode": "cluster",
        "image": images.spark or None,
        "imagePullPolicy": _unless("imagePullPolicy", properties, images.pull_policy),
        "imagePullSecrets": list(images.pull_secrets) or None,
        "restartPolicy": {"type": "Never"},
        "timeToLiveSeconds": settings.ttl_seconds,
        "memoryOverheadFactor": _unless("memoryOverheadFactor", properties, format(factor, "g")),
        "sparkConf": {**_local_dirs(spec, properties, settings), **spark_conf(settings)},
        "driver": _role_overlay("driver", spec, properties, settings),
        "executor": _role_overlay("executor", spec, properties, settings),
    }
    return {key: value for key, value in fields.items() if value is not None}


def _unless(field: str, properties: Json, value: str) -> str | None:
    return None if PROPERTY_OF[field] in properties else value


def _role_overlay(role: RoleName, spec: Json, properties: Json, settings: PlatformSettings) -> Json:
    said = spec.get(role) or {}
    place = role_settings(role, settings)
    fields: Json = {
        "serviceAccount": place.service_account,
        "coreRequest": _unless(f"{role}.coreRequest", properties, core_request(said.get("cores") or 1, place.core_share)),
        "template": _template(role, spec, properties, settings),
        **_completed_security(said, settings),
        **propagated_mounts(said, spec, settings),
    }
    if not (WEBHOOK_FIELDS & _present(said) or WEBHOOK_SPEC_FIELDS & _present(spec)):
        fields["labels"] = {COMPLETE_LABEL: "true"}
    return {key: value for key, value in fields.items() if value is not None}


def _present(value: Json) -> set[str]:
    return {key for key, item in value.items() if item not in (None, [])}


def _template(role: RoleName, spec: Json, properties: Json, settings: PlatformSettings) -> Json:
    """The role's pod template with the shares that the manifest claims; containers that it adds are restricted like ours."""
    said = spec.get(role) or {}
    taken = {mount.get("mountPath") for mount in said.get("volumeMounts") or []}
    taken |= {value for key, value in properties.items() if key.startswith(_volumes_of(role)) and key.endswith(".mount.path")}
    template = pod_template(role, settings, taken)
    for volume, mount in share_volumes(said, spec, settings):
        template["spec"]["volumes"].append(volume)
        template["spec"]["containers"][0]["volumeMounts"].append(mount)
    own = (said.get("template") or {}).get("spec") or {}
    restricted = {"securityContext": container_security(settings)}
    for kind in ("containers", "initContainers"):
        added = [{"name": item.get("name"), **restricted} for item in own.get(kind) or [] if item.get("name") != CONTAINERS[role]]
        if added:
            template["spec"][kind] = [*template["spec"].get(kind, []), *added]
    return template


def _completed_security(said: Json, settings: PlatformSettings) -> Json:
    """The operator replaces the template's security context by the manifest's, so the manifest's is completed."""
    restricted = container_security(settings)
    fields: Json = {
        kind: [{"name": item.get("name"), "securityContext": restricted} for item in said.get(kind) or []] for kind in _extra(said)
    }
    if said.get("podSecurityContext") is not None:
        fields["podSecurityContext"] = pod_security(settings)
    if said.get("securityContext") is not None:
        fields["securityContext"] = restricted
    return fields


def _extra(said: Json) -> list[str]:
    return [kind for kind in ("sidecars", "initContainers") if said.get(kind)]


def _volumes_of(role: RoleName) -> str:
    return f"spark.kubernetes.{role}.volumes."


def _local_dirs(spec: Json, properties: Json, settings: PlatformSettings) -> dict[str, str]:
    conf: dict[str, str] = {}
    for role in CONTAINERS:
        ours = local_dir_conf(role, settings.local_dir_size)
        mounts = (spec.get(role) or {}).get("volumeMounts") or []
        own = [key for key in properties if key.startswith(_volumes_of(role)) and f".{LOCAL_DIR_PREFIX}" in key and key not in ours]
        if not own and not any(str(mount.get("name", "")).startswith(LOCAL_DIR_PREFIX) for mount in mounts):
            conf |= ours
    return conf
