"""Rules about sizes: written so that Spark and Kubernetes read them alike, and small enough to run at all."""

import re
from collections.abc import Iterator

from sparkyard.check.findings import Application, Finding, Json, Path, items, table
from sparkyard.errors import ManifestError
from sparkyard.manifest import parse_memory

SPARK_MEMORY = re.compile(r"[1-9]\d*(k|m|g|t)b?", re.IGNORECASE)
KUBERNETES_CPU = re.compile(r"\d+(\.\d+)?|\d+m")
LEAST_OVERHEAD = 384  # MiB; Spark never gives less


def find_bad_sizes(app: Application) -> Iterator[Finding]:
    for role, said in app.roles():
        for key in ("memory", "memoryOverhead"):
            yield from _memory(said.get(key), (*app.base, role, key))
        for key in ("coreRequest", "coreLimit"):
            value = said.get(key)
            if value is not None and not KUBERNETES_CPU.fullmatch(str(value)):
                path = (*app.base, role, key)
                yield Finding("quantity", path, "not an amount of CPU", 'write "500m" or "2"', "500m, 1 or 1.5", str(value))
        cores = said.get("cores")
        if cores is not None and (not isinstance(cores, int) or isinstance(cores, bool) or cores < 1):
            fix = "write a whole number; fractions of a CPU are coreRequest's business"
            yield Finding("quantity", (*app.base, role, "cores"), "Spark counts whole cores", fix, "1 or more", str(cores))
        if said.get("memory") is None and f"spark.{role}.memory" not in app.conf and said:
            fix = f"add {role}.memory, 512m for a small job"
            yield Finding("no-memory", (*app.base, role), "no memory is set, so Spark takes 1g", fix, severity="warning")
    for key in ("spark.driver.memory", "spark.executor.memory", "spark.driver.memoryOverhead", "spark.executor.memoryOverhead"):
        yield from _memory(app.conf.get(key), (*app.base, "sparkConf", key))


def _memory(value: object, path: Path) -> Iterator[Finding]:
    if value is None or SPARK_MEMORY.fullmatch(str(value)):
        return
    fix = f'write "{_spark_memory(str(value))}"'
    yield Finding("quantity", path, "Spark reads sizes of its own kind, not Kubernetes'", fix, "512m or 2g", str(value))


def _spark_memory(value: str) -> str:
    found = re.fullmatch(r"(\d+)(?:\.\d+)?\s*([kmgt])i?b?", value.strip(), re.IGNORECASE)
    return f"{found[1]}{found[2].lower()}" if found else "512m"


def find_too_big(app: Application) -> Iterator[Finding]:
    """A job larger than its whole namespace would wait for ever."""
    try:
        cpu, memory = _requests(app)
    except (ManifestError, TypeError, ValueError):
        return  # a size that cannot be read is another finding
    quota, path = app.settings.quota, (*app.base, "executor", "instances")
    fix = "ask for less, or have the platform raise the quota: global.jobs.quota"
    if quota.cpu and cpu > _cpu(quota.cpu) + 1e-9:
        words = "driver and executors together ask for more CPU than the namespace has"
        yield Finding("quota", path, words, fix, quota.cpu, f"{cpu:g}")
    if quota.memory and memory > parse_memory(quota.memory):
        words = "driver and executors together ask for more memory than the namespace has"
        yield Finding("quota", path, words, fix, quota.memory, f"{memory}Mi")


def _requests(app: Application) -> tuple[float, int]:
    """CPU and MiB of the driver and of the executors that the job starts with."""
    one_pod = "kubernetesMaster" in table(app.spec, "driver")
    counts = {"driver": 1, "executor": 0 if one_pod else _executors(app)}
    cpu = sum(counts[role] * _role_cpu(app, role, said) for role, said in app.roles())
    memory = sum(counts[role] * _role_memory(app, role, said) for role, said in app.roles())
    return cpu, memory


def _executors(app: Application) -> int:
    allocation = table(app.spec, "dynamicAllocation")
    if allocation.get("enabled") or app.conf.get("spark.dynamicAllocation.enabled") == "true":
        return int(allocation.get("minExecutors") or app.conf.get("spark.dynamicAllocation.minExecutors") or 0)
    return int(table(app.spec, "executor").get("instances") or app.conf.get("spark.executor.instances") or 1)


def _role_cpu(app: Application, role: str, said: Json) -> float:
    place = app.settings.driver if role == "driver" else app.settings.executor
    request = said.get("coreRequest") or app.conf.get(f"spark.kubernetes.{role}.request.cores")
    return _cpu(str(request)) if request else place.core_share * int(said.get("cores") or app.conf.get(f"spark.{role}.cores") or 1)


def _role_memory(app: Application, role: str, said: Json) -> int:
    heap = parse_memory(said.get("memory") or app.conf.get(f"spark.{role}.memory") or "1g")
    overhead = said.get("memoryOverhead") or app.conf.get(f"spark.{role}.memoryOverhead")
    if overhead:
        return heap + parse_memory(overhead)
    ours = app.settings.memory_overhead
    factor = float(app.spec.get("memoryOverheadFactor") or (ours.python if app.spec.get("type") == "Python" else ours.java))
    return heap + max(LEAST_OVERHEAD, int(heap * factor))


def _cpu(value: str) -> float:
    return float(value.removesuffix("m")) * (0.001 if value.endswith("m") else 1)


def find_lost_executors(app: Application) -> Iterator[Finding]:
    executor = table(app.spec, "executor")
    if "instances" in executor and not (isinstance(executor["instances"], int) and executor["instances"] >= 1):
        path = (*app.base, "executor", "instances")
        fix = "write 1 or more; for a job in one pod: driver.kubernetesMaster: local[*]"
        yield Finding("quantity", path, "a job has at least one executor", fix, "1 or more", str(executor["instances"]))
    if items(table(app.spec, "deps"), "jars") and any(str(jar).startswith("http") for jar in app.spec["deps"]["jars"]):
        words = "a job downloads nothing: it would hang without internet and change without notice"
        yield Finding("download", (*app.base, "deps", "jars"), words, "put the jar into the image and write local:///…")
