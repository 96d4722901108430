"""The pod fields that a platform's settings lead to, as a pod template for spark-submit: it works without any pod webhook."""

from collections.abc import Container
from typing import Any, Literal

from sparkyard import names
from sparkyard.defaults.conf import CA_DIR, RPC_DIR
from sparkyard.settings import PlatformSettings, Role

Json = dict[str, Any]
RoleName = Literal["driver", "executor"]
CONTAINERS: dict[RoleName, str] = {"driver": "spark-kubernetes-driver", "executor": "spark-kubernetes-executor"}
CATALOG_DIR = "/etc/sparkyard/catalog"
# The root file system is read-only: what Spark, Python and Ivy write goes here.
SCRATCH = {"sparkyard-tmp": "/tmp", "sparkyard-work": "/opt/spark/work-dir"}


def pod_template(role: RoleName, settings: PlatformSettings, taken: Container[str] = ()) -> Json:
    """A complete pod template of the role; Spark adds image, resources, labels and its own volumes. `taken`: paths mounted otherwise."""
    mounts = [mount for mount in _mounts(role, settings) if mount["mountPath"] not in taken]
    mounted = {mount["name"] for mount in mounts}
    spec: Json = {
        "enableServiceLinks": False,
        "securityContext": pod_security(settings),
        "volumes": [volume for volume in _volumes(role, settings) if volume["name"] in mounted],
        "containers": [{**_container(role, settings), "volumeMounts": mounts}],
    }
    if role == "executor":
        spec["automountServiceAccountToken"] = False
    optional = {
        "priorityClassName": role_settings(role, settings).priority_class,
        "nodeSelector": settings.node_selector,
        "tolerations": list(settings.tolerations),
    }
    return {"spec": {**spec, **{key: value for key, value in optional.items() if value}}}


def role_settings(role: RoleName, settings: PlatformSettings) -> Role:
    return settings.driver if role == "driver" else settings.executor


def core_request(cores: int, share: float) -> str:
    return f"{round(1000 * share * cores)}m"


def pod_security(settings: PlatformSettings) -> Json:
    security = settings.security
    policy = "OnRootMismatch" if security.fs_group is not None else None  # else each start would walk through whole volumes
    given = {
        "runAsUser": security.run_as_user,
        "runAsGroup": security.run_as_group,
        "fsGroup": security.fs_group,
        "fsGroupChangePolicy": policy,
    }
    return {
        "runAsNonRoot": True,
        **{key: value for key, value in given.items() if value is not None},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security(settings: PlatformSettings) -> Json:
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": settings.security.read_only_root,
    }


def _container(role: RoleName, settings: PlatformSettings) -> Json:
    container: Json = {
        "name": CONTAINERS[role],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": container_security(settings),
        "env": _env(role, settings),
    }
    if settings.lake.s3.secret:
        container["envFrom"] = [{"secretRef": {"name": settings.lake.s3.secret}}]
    return container


def _env(role: RoleName, settings: PlatformSettings) -> list[Json]:
    # from the label, so that a new run of the same application is no new spec
    label = {"fieldRef": {"fieldPath": f"metadata.labels['{names.RUN_ID_LABEL}']"}}
    values = {**_proxy_env(settings), **_ca_env(settings)}
    if role == "driver" and settings.lake.catalog.secret:
        values["PGSERVICEFILE"] = f"{CATALOG_DIR}/pg_service.conf"
    return [{"name": names.RUN_ID_ENV, "valueFrom": label}, *({"name": name, "value": value} for name, value in values.items())]


def _proxy_env(settings: PlatformSettings) -> dict[str, str]:
    proxy = settings.proxy
    values = {"http_proxy": proxy.http, "https_proxy": proxy.https, "no_proxy": proxy.no_proxy}
    return {spelling: value for name, value in values.items() if value for spelling in (name, name.upper())}


def _ca_env(settings: PlatformSettings) -> dict[str, str]:
    variables = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE") if settings.trusted_ca.config_map else ()
    return dict.fromkeys(variables, f"{CA_DIR}/ca.crt")


def _volumes(role: RoleName, settings: PlatformSettings) -> list[Json]:
    volumes: list[Json] = [{"name": name, "emptyDir": {}} for name in SCRATCH]
    if role == "driver" and settings.lake.catalog.secret:
        volumes.append({"name": "sparkyard-catalog", "secret": {"secretName": settings.lake.catalog.secret}})
    if settings.encryption.secret:
        volumes.append({"name": "sparkyard-rpc", "secret": {"secretName": settings.encryption.secret}})
    if settings.trusted_ca.config_map:
        volumes.append({"name": "sparkyard-ca", "configMap": {"name": settings.trusted_ca.config_map}})
    return volumes


def _mounts(role: RoleName, settings: PlatformSettings) -> list[Json]:
    mounts: list[Json] = [{"name": name, "mountPath": path} for name, path in SCRATCH.items()]
    if role == "driver" and settings.lake.catalog.secret:
        mounts.append({"name": "sparkyard-catalog", "mountPath": CATALOG_DIR, "readOnly": True})
    if settings.encryption.secret:
        mounts.append({"name": "sparkyard-rpc", "mountPath": RPC_DIR, "readOnly": True})
    if settings.trusted_ca.config_map:
        mounts.append({"name": "sparkyard-ca", "mountPath": CA_DIR, "readOnly": True})
    return mounts
