"""What a raw spark-submit or a notebook needs to get the same pods as everybody: a pod template a role, and properties."""

from sparkyard.defaults import pod_template, spark_conf
from sparkyard.defaults.conf import local_dir_conf
from sparkyard.defaults.pods import CONTAINERS, Json, RoleName, core_request, role_settings
from sparkyard.settings import PlatformSettings


def make_pod_template(role: RoleName, settings: PlatformSettings, namespace: str = "") -> Json:
    template = {"apiVersion": "v1", "kind": "Pod", **pod_template(role, settings)}
    return {**template, "metadata": {"namespace": namespace}} if namespace else template


def make_properties(settings: PlatformSettings, namespace: str, templates: dict[RoleName, str]) -> dict[str, str]:
    """The properties of a spark-submit in cluster mode; `templates`: the files with the pod templates.

    CPU requests are those of one core of Spark's: who sets spark.executor.cores sets spark.kubernetes.executor.request.cores too."""
    images = settings.images
    properties = {
        **spark_conf(settings),
        "spark.kubernetes.namespace": namespace,
        "spark.kubernetes.authenticate.driver.serviceAccountName": settings.driver.service_account,
        "spark.kubernetes.authenticate.executor.serviceAccountName": settings.executor.service_account,
        "spark.kubernetes.container.image": images.spark,
        "spark.kubernetes.container.image.pullPolicy": images.pull_policy,
        "spark.kubernetes.container.image.pullSecrets": ",".join(images.pull_secrets),
        "spark.kubernetes.memoryOverheadFactor": format(settings.memory_overhead.python, "g"),
    }
    for role, file in templates.items():
        properties |= local_dir_conf(role, settings.local_dir_size)
        properties[f"spark.kubernetes.{role}.request.cores"] = core_request(1, role_settings(role, settings).core_share)
        properties[f"spark.kubernetes.{role}.podTemplateFile"] = file
        properties[f"spark.kubernetes.{role}.podTemplateContainerName"] = CONTAINERS[role]
    return {key: value for key, value in properties.items() if value}


def format_properties(properties: dict[str, str]) -> str:
    return "".join(f"{key} {value}\n" for key, value in sorted(properties.items()))
