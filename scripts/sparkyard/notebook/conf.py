"""Spark's configuration in a notebook: executors of the person's own in the cluster, or all in one process anywhere else."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from sparkyard import names
from sparkyard.defaults.pods import core_request
from sparkyard.defaults.shares import make_mount
from sparkyard.local.cds import QUICK_START
from sparkyard.local.conf import make_local_conf
from sparkyard.pod_template import make_pod_template, make_properties
from sparkyard.settings import Model, PlatformSettings

Json = dict[str, Any]
MASTER = "k8s://https://kubernetes.default.svc:443"
LOGGED = "notebook-"  # the reading key may write event logs of applications that are called so (charts/lake/files/policies)


class Sizes(Model):
    """Whose notebook, and what a kernel of it takes: the person's choice on the page that started the server."""

    user: str
    driver_memory: str = "1g"
    max: int = Field(default=2, ge=1)
    cores: int = Field(default=1, ge=1)
    memory: str = "1g"


class Pod(Model):
    """The notebook's own pod."""

    name: str
    namespace: str
    ip: str


def make_cluster_conf(settings: PlatformSettings, sizes: Sizes, pod: Pod, template: str) -> dict[str, str]:
    """Client mode in the notebook's pod; ports are left to Spark, so that kernels of one pod never meet."""
    return {
        **make_properties(settings, pod.namespace, {"executor": template}),
        "spark.master": MASTER,
        "spark.submit.deployMode": "client",
        "spark.app.name": f"notebook-{sizes.user}",
        "spark.driver.host": pod.ip,
        "spark.driver.bindAddress": pod.ip,
        "spark.driver.memory": sizes.driver_memory,
        "spark.kubernetes.driver.pod.name": pod.name,  # executors go with this pod
        "spark.executor.cores": str(sizes.cores),
        "spark.executor.memory": sizes.memory,
        "spark.kubernetes.executor.request.cores": core_request(sizes.cores, settings.executor.core_share),
        "spark.ui.showConsoleProgress": "false",
        **make_allocation(sizes.max),
        **settings.spark_conf,
    }


def make_allocation(most: int) -> dict[str, str]:
    """Executors come when a cell needs them and go soon after. The first is asked for as the session starts, and starts beside it."""
    return {
        "spark.dynamicAllocation.enabled": "true",
        "spark.dynamicAllocation.shuffleTracking.enabled": "true",
        "spark.dynamicAllocation.shuffleTracking.timeout": "5min",
        "spark.dynamicAllocation.minExecutors": "0",
        "spark.dynamicAllocation.initialExecutors": "1",
        "spark.dynamicAllocation.maxExecutors": str(most),
        "spark.dynamicAllocation.executorIdleTimeout": "60s",
        "spark.dynamicAllocation.cachedExecutorIdleTimeout": "20min",
        "spark.scheduler.minRegisteredResourcesRatio": "0",
    }


def make_log_conf(settings: PlatformSettings, kernel: str) -> dict[str, str]:
    """For the History Server: a kernel's first session; `name_next` names the others. One past that takes the place of the first."""
    if not settings.lake.event_log_dir:
        return {}
    return {"spark.app.id": f"{LOGGED}{kernel}-1", "spark.eventLog.overwrite": "true"}


def name_next(session: Any) -> None:
    """Sessions of one kernel are applications of their own: what is set in the JVM holds from the next on."""
    stem, _, number = str(session.sparkContext.applicationId).rpartition("-")
    if stem.startswith(LOGGED):
        session.sparkContext._jvm.java.lang.System.setProperty("spark.app.id", f"{stem}-{int(number) + 1}")


def make_executor_template(settings: PlatformSettings, sizes: Sizes, namespace: str, kernel: str = "none") -> Json:
    """An executor as jobs have it, marked as this person's: policies and network know it by that, the sweeper by its kernel."""
    template = make_pod_template("executor", settings, namespace)
    labels = {names.NOTEBOOK_USER_LABEL: sizes.user, names.NOTEBOOK_KERNEL_LABEL: kernel, names.LAKE_CLIENT_LABEL: "true"}
    template["metadata"]["labels"] = labels
    for share in settings.shares:
        claim = {"claimName": share.name, "readOnly": share.read_only}
        template["spec"]["volumes"].append({"name": f"share-{share.name}", "persistentVolumeClaim": claim})
        template["spec"]["containers"][0]["volumeMounts"].append(make_mount(share))
    return template


def make_alone_conf(home: Path, scratch: Path, jars: Sequence[Path]) -> dict[str, str]:
    """The lake of local mode, in this process."""
    return {
        **make_local_conf(home, scratch),
        "spark.master": "local[*]",
        "spark.app.name": "notebook",
        "spark.driver.extraClassPath": ":".join(map(str, jars)),
        "spark.driver.defaultJavaOptions": " ".join(QUICK_START),
        "spark.ui.enabled": "true",
        "spark.ui.showConsoleProgress": "false",
    }
