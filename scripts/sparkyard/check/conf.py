"""Rules about Spark properties: those that are the operator's or the platform's, and those that do not do what they seem to."""

import re
from collections.abc import Iterator

from sparkyard.check.findings import Application, Finding, Path, items, table

# Refused by the operator's own webhook (v2.5.2), one at a time; here with all the others.
OPERATORS = {
    "spark.master": "leave it out",
    "spark.kubernetes.driver.master": "leave it out; one-pod mode is driver.kubernetesMaster: local[*]",
    "spark.kubernetes.container.image": "leave it out; the platform sets the image",
    "spark.kubernetes.driver.container.image": "leave it out; the platform sets the image",
    "spark.kubernetes.executor.container.image": "leave it out; the platform sets the image",
}
# These the operator sets itself, or they would lead around it.
OURS = re.compile(
    r"spark\.kubernetes\.(authenticate\..*|context|(driver|executor)\.podTemplate(File|ContainerName)|driver\.pod\.name)"
    r"|spark\.submit\.deployMode"
)
WRONG = {
    "spark.kubernetes.driver.memoryOverhead": "spark.driver.memoryOverhead",
    "spark.kubernetes.executor.memoryOverhead": "spark.executor.memoryOverhead",
    "spark.yarn.driver.memoryOverhead": "spark.driver.memoryOverhead",
    "spark.yarn.executor.memoryOverhead": "spark.executor.memoryOverhead",
    "spark.kubernetes.driver.memory": "driver.memory",
    "spark.kubernetes.executor.memory": "executor.memory",
    "spark.kubernetes.driver.cores": "driver.cores",
    "spark.kubernetes.executor.cores": "executor.cores",
    "spark.kubernetes.executor.instances": "executor.instances",
}
DOWNLOADS = ("spark.jars.packages", "spark.jars.repositories", "spark.jars.ivySettings")
HEAP = re.compile(r"-Xm[xs]\S*|-XX:MaxHeapSize=\S*|-Dspark\.\S*")


def find_bad_properties(app: Application) -> Iterator[Finding]:
    path = (*app.base, "sparkConf")
    for key, value in app.conf.items():
        here = (*path, key)
        if key in OPERATORS:
            yield Finding("denied-property", here, "this property belongs to the operator, which refuses it", OPERATORS[key], seen=value)
        elif OURS.fullmatch(key):
            yield Finding("denied-property", here, "this property is the platform's", "leave it out", seen=value)
        elif key in WRONG:
            yield Finding("wrong-property", here, "Spark knows no such property and ignores it", f"write {WRONG[key]}", WRONG[key], key)
        elif not key.startswith("spark."):
            yield Finding("wrong-property", here, "Spark ignores properties outside spark.", f"write spark.hadoop.{key}, or remove it")
    yield from _wrong_namespace(app, path)


def _wrong_namespace(app: Application, path: Path) -> Iterator[Finding]:
    key, own = "spark.kubernetes.namespace", app.metadata.get("namespace")
    if app.conf.get(key, own) != own:
        words = "executors run where their application is"
        yield Finding("denied-property", (*path, key), words, "leave it out", str(own), app.conf[key])


def find_downloads(app: Application) -> Iterator[Finding]:
    fix = "put the package into the image: images/spark-runtime, then make images"
    words = "a job downloads no packages: it would hang without internet and change without notice"
    for key in DOWNLOADS:
        if key in app.conf:
            yield Finding("download", (*app.base, "sparkConf", key), words, fix, seen=app.conf[key])
    for key in ("packages", "repositories"):
        if items(table(app.spec, "deps"), key):
            yield Finding("download", (*app.base, "deps", key), words, fix, seen=", ".join(map(str, app.spec["deps"][key])))


def find_untyped_properties(app: Application) -> Iterator[Finding]:
    for key, value in table(app.spec, "sparkConf").items():
        if not isinstance(value, str):
            fix = f'write "{str(value).lower() if isinstance(value, bool) else value}"'
            yield Finding("not-a-string", (*app.base, "sparkConf", str(key)), "Kubernetes wants every Spark property quoted", fix)


def find_tmpfs(app: Application) -> Iterator[Finding]:
    words = "scratch space in memory counts against the pod's limit: a shuffle kills the executor"
    fix = "leave it out; the platform gives scratch space on disk"
    for key, value in app.conf.items():
        memory_volume = ".volumes.emptyDir.spark-local-dir-" in key and key.endswith(".options.medium") and value == "Memory"
        if memory_volume or (key == "spark.kubernetes.local.dirs.tmpfs" and value == "true"):
            yield Finding("tmpfs-local-dir", (*app.base, "sparkConf", key), words, fix, seen=value)
    for place, volume in enumerate(items(app.spec, "volumes")):
        if table(volume, "emptyDir").get("medium") == "Memory" and str(volume.get("name")).startswith("spark-local-dir-"):
            yield Finding("tmpfs-local-dir", (*app.base, "volumes", place, "emptyDir", "medium"), words, fix, seen="Memory")


def find_untracked_shuffle(app: Application) -> Iterator[Finding]:
    words = "without shuffle tracking dynamic allocation removes executors that others still read from"
    key = "spark.dynamicAllocation.shuffleTracking.enabled"
    decommissions = app.conf.get("spark.storage.decommission.shuffleBlocks.enabled") == "true"
    if app.conf.get("spark.dynamicAllocation.enabled") == "true" and app.conf.get(key) == "false" and not decommissions:
        yield Finding("shuffle-tracking", (*app.base, "sparkConf", key), words, "leave it out: it is on by default", '"true"', '"false"')
    allocation = table(app.spec, "dynamicAllocation")
    if allocation.get("enabled") is True and allocation.get("shuffleTrackingEnabled") is False and not decommissions:
        path = (*app.base, "dynamicAllocation", "shuffleTrackingEnabled")
        yield Finding("shuffle-tracking", path, words, "leave it out: it is on by default", "true", "false")


def find_heap_options(app: Application) -> Iterator[Finding]:
    options: list[tuple[Path, str]] = [
        ((*app.base, role, "javaOptions"), str(said["javaOptions"])) for role, said in app.roles() if said.get("javaOptions")
    ]
    keys = [key for key in app.conf if key.endswith((".extraJavaOptions", ".defaultJavaOptions"))]
    for path, value in [*options, *(((*app.base, "sparkConf", key), app.conf[key]) for key in keys)]:
        if found := HEAP.search(value):
            words = "Spark takes neither heap sizes nor its own properties from Java options"
            yield Finding("java-options", path, words, "use driver.memory, executor.memory and sparkConf", seen=found[0])
