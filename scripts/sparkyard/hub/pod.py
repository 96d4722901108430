"""A person's notebook pod: the platform's own driver pod, with a home, the shares, and what its kernels have to know."""

import json
from typing import Any

from sparkyard import names
from sparkyard.defaults.pods import container_security, pod_security, pod_template
from sparkyard.defaults.shares import make_mount
from sparkyard.hub.objects import account_name, make_quota, rpc_secret, token_secret
from sparkyard.hub.values import HubValues, Profile
from sparkyard.settings import Encryption, PlatformSettings, Role, format_settings

Json = dict[str, Any]
CONNECTIONS_DIR = "/etc/sparkyard/connections"  # where spark_apps/jobsql.py looks
# Everybody else's pods can be listed, so that this goes into a Secret.
TOKEN_VARIABLES = ("JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN")


def make_person_quota(values: HubValues, user: str) -> list[Json]:
    quota = values.person_quota
    if not quota.enabled:
        return []
    return make_quota(values.namespace, user, {"requests.cpu": quota.cpu, "requests.memory": quota.memory, "pods": quota.pods})


def make_user_settings(platform: PlatformSettings, values: HubValues, user: str, counted: bool = True) -> PlatformSettings:
    """The platform's settings as they hold for one person's notebooks: their role in the lake, their account, their shares.
    `counted`: by their own quota, where people have one."""
    bounded = {"service_account": names.NOTEBOOK_EXECUTOR_ACCOUNT, "priority_class": ""}
    if counted and values.person_quota.enabled:
        bounded["priority_class"] = account_name(user)
    lake = platform.lake.model_copy(
        update={
            "s3": platform.lake.s3.model_copy(update={"secret": values.lake.s3_secret}),
            "catalog": platform.lake.catalog.model_copy(update={"secret": values.lake.catalog_secret}),
            "event_log_dir": platform.lake.event_log_dir if values.lake.event_logs else "",
        }
    )
    changes = {
        "lake": lake,
        "driver": Role(service_account=account_name(user)),
        "executor": platform.executor.model_copy(update=bounded),
        "encryption": Encryption(secret=rpc_secret(user) if platform.encryption.secret else ""),
        "shares": tuple(share for share in platform.shares if share.name in values.shares),
        "namespaces": (values.namespace,),
    }
    return platform.model_copy(update=changes)


def make_additions(platform: PlatformSettings, values: HubValues, user: str, profile: str) -> Json:
    """What KubeSpawner's own pod lacks, in Kubernetes' spelling: volumes of the pod; mounts, environment and security of its container."""
    settings = make_user_settings(platform, values, user)
    template = pod_template("driver", settings)["spec"]
    [container] = template["containers"]
    volumes, mounts = _add_connections(values.connections, *_shares(settings))
    chosen = values.profiles.get(profile) or values.profiles[values.default_profile]
    return {
        "volumes": [*template["volumes"], *volumes],
        "mounts": [*container["volumeMounts"], *mounts],
        "env": [*container["env"], *_env(settings, chosen, user)],
        "envFrom": container.get("envFrom", []),
        "podSecurity": pod_security(settings),
        "containerSecurity": container_security(settings),
        "tolerations": list(settings.tolerations),
        "nodeSelector": settings.node_selector,
        "priorityClass": settings.executor.priority_class or None,
    }


def _shares(settings: PlatformSettings) -> tuple[list[Json], list[Json]]:
    claims = [
        {"name": f"share-{share.name}", "persistentVolumeClaim": {"claimName": share.name, "readOnly": share.read_only}}
        for share in settings.shares
    ]
    return claims, [make_mount(share) for share in settings.shares]


def _add_connections(secret: str, volumes: list[Json], mounts: list[Json]) -> tuple[list[Json], list[Json]]:
    if not secret:
        return volumes, mounts
    source = {"name": "sql-connections", "secret": {"secretName": secret, "optional": True}}
    return [*volumes, source], [*mounts, {"name": "sql-connections", "mountPath": CONNECTIONS_DIR, "readOnly": True}]


def _env(settings: PlatformSettings, profile: Profile, user: str) -> list[Json]:
    fields = {"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace", "POD_IP": "status.podIP"}
    sizes = {"user": user, "driverMemory": profile.notebook.driver_memory, **profile.executors.model_dump()}
    token = {"valueFrom": {"secretKeyRef": {"name": token_secret(user), "key": "token"}}}
    return [
        *({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()),
        {"name": names.NOTEBOOK_SETTINGS_ENV, "value": format_settings(settings)},
        {"name": names.NOTEBOOK_SIZES_ENV, "value": json.dumps(sizes)},
        *({"name": name, **token} for name in TOKEN_VARIABLES),
    ]


def make_profile_list(values: HubValues) -> list[Json]:
    """The choice on the page that starts a server, as KubeSpawner wants it; the smallest first, since helm sorts by name."""
    sizes = sorted(values.profiles.items(), key=lambda item: _mebibytes(item[1].notebook.memory))
    return [
        {
            "slug": slug,
            "display_name": profile.title or slug,
            "description": f"{profile.notebook.memory} for the notebook, up to {profile.executors.max} executors of "
            f"{profile.executors.cores} core(s) and {profile.executors.memory} for each kernel",
            "default": slug == values.default_profile,
            "kubespawner_override": {
                "cpu_guarantee": _cores(profile.notebook.cpu),
                "mem_guarantee": _bytes(profile.notebook.memory),
                "mem_limit": _bytes(profile.notebook.memory),
            },
        }
        for slug, profile in sizes
    ]


def _cores(quantity: str) -> float:
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def _mebibytes(quantity: str) -> int:
    return int(quantity[:-2]) * (1024 if quantity.endswith("Gi") else 1)


def _bytes(quantity: str) -> str:
    """KubeSpawner's G is Kubernetes' Gi."""
    return quantity.removesuffix("i")
