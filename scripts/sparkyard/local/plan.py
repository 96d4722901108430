"""What a manifest means on this machine: a pure function from manifest to plan, which also lists what has no meaning here."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from sparkyard.errors import ManifestError
from sparkyard.local.cds import QUICK_START
from sparkyard.manifest import Manifest, parse_memory
from sparkyard.names import APPS_DIR

USED = {
    *("type", "mode", "sparkVersion", "pythonVersion", "mainApplicationFile", "mainClass", "arguments", "sparkConf", "hadoopConf"),
    *("deps.jars", "deps.files", "deps.pyFiles", "deps.archives", "deps.packages", "deps.excludePackages", "deps.repositories"),
    *("driver.cores", "driver.memory", "driver.env", "driver.envVars", "driver.javaOptions"),
    *("executor.instances", "executor.cores", "executor.memory", "executor.env", "executor.envVars"),
}
DEPENDENCIES = {  # of the manifest: as spark-submit calls them
    "jars": "--jars",
    "files": "--files",
    "pyFiles": "--py-files",
    "archives": "--archives",
    "packages": "--packages",
    "excludePackages": "--exclude-packages",
    "repositories": "--repositories",
}
PLACE_CONF = ("spark.kubernetes.", "spark.master", "spark.submit.deployMode", "spark.driver.memory", "spark.executor.instances")


@dataclass(frozen=True)
class Plan:
    """All that has to be known to start a job here."""

    job: str
    master: str
    heap: int  # MiB of the driver's Java
    sizes: str  # where master and heap come from, for people
    app: str
    submit_options: list[str]
    arguments: list[str]
    conf: dict[str, str]
    env: dict[str, str]
    java_options: list[str]
    ignored: list[str] = field(default_factory=list)


def make_plan(manifest: Manifest, app: Path, *, cpus: int, cores: int | None = None, executors: int | None = None, spark: str = "") -> Plan:
    if manifest.get("type", "Python") == "R":
        raise ManifestError("R applications do not run in local mode", where=manifest.at("spec.type"))
    conf = {str(key): str(value) for key, value in manifest.get("sparkConf", {}).items()}
    conf |= {f"spark.hadoop.{key}": str(value) for key, value in manifest.get("hadoopConf", {}).items()}
    ignored = [*_ignored_fields(manifest), *(f"sparkConf.{key}" for key in conf if key.startswith(PLACE_CONF))]
    if spark and (wanted := manifest.get("sparkVersion", spark)) != spark:
        ignored.append(f"sparkVersion {wanted} (here it is {spark})")
    options = [
        conf.pop("spark.driver.defaultJavaOptions", ""),
        manifest.get("driver.javaOptions", ""),
        conf.pop("spark.driver.extraJavaOptions", ""),
    ]
    conf = {key: value for key, value in conf.items() if not key.startswith(PLACE_CONF)}
    master, heap, sizes, size_conf = _size(manifest, cpus, cores, executors)
    return Plan(
        job=manifest.name,
        master=master,
        heap=heap,
        sizes=sizes,
        app=str(app),
        submit_options=_submit_options(manifest),
        arguments=[str(argument) for argument in manifest.get("arguments", [])],
        conf=conf | size_conf,
        env=_environment(manifest, "executor") | _environment(manifest, "driver"),
        java_options=[word for option in options for word in shlex.split(option)],
        ignored=ignored,
    )


def find_app(manifest: Manifest, app_roots: Sequence[Path]) -> Path:
    """The application file on this machine; local:///opt/sparkyard/apps/… is spark_apps/… beside the manifest, or of this project."""
    uri = manifest.spec["mainApplicationFile"]
    scheme, separator, rest = uri.rpartition("://")
    if scheme not in ("", "local", "file"):
        raise ManifestError(f"{uri} is not on this machine", where=manifest.at("spec.mainApplicationFile"))
    path = PurePosixPath(rest if separator else uri)
    inside = path.relative_to(APPS_DIR) if path.is_relative_to(APPS_DIR) else None
    candidates = [root / inside for root in app_roots] if inside else [Path(path)]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    tried = ", ".join(str(candidate) for candidate in candidates[-2:])
    raise ManifestError(f"{uri} is not here: looked for {tried}", where=manifest.at("spec.mainApplicationFile"))


def _size(manifest: Manifest, cpus: int, cores: int | None, executors: int | None) -> tuple[str, int, str, dict[str, str]]:
    conf = manifest.get("sparkConf", {})
    driver = parse_memory(manifest.get("driver.memory", conf.get("spark.driver.memory", "1g")), manifest.at("spec.driver.memory"))
    each = parse_memory(manifest.get("executor.memory", conf.get("spark.executor.memory", "1g")), manifest.at("spec.executor.memory"))
    per_executor = int(manifest.get("executor.cores", conf.get("spark.executor.cores", 1)))
    if executors:
        slots = cores or per_executor
        sizes = f"a driver of {driver} MiB and {executors} executor process(es) of {slots} core(s) and {each} MiB"
        size_conf = {"spark.executor.cores": str(slots), "spark.executor.memory": f"{each}m"}
        size_conf |= {"spark.executor.defaultJavaOptions": " ".join(QUICK_START)}
        return f"local-cluster[{executors},{slots},{each}]", driver, sizes, size_conf
    instances = int(manifest.get("executor.instances", conf.get("spark.executor.instances", 1)))
    threads = cores or max(1, min(cpus, instances * per_executor))
    heap = driver + instances * each
    return f"local[{threads}]", heap, f"{threads} core(s), {heap} MiB of heap (driver {driver} + {instances} × {each})", {}


def _submit_options(manifest: Manifest) -> list[str]:
    options = ["--class", manifest.spec["mainClass"]] if manifest.get("mainClass") else []
    for name, option in DEPENDENCIES.items():
        if values := manifest.get(f"deps.{name}"):
            options += [option, ",".join(values)]
    return options


def _environment(manifest: Manifest, role: str) -> dict[str, str]:
    listed = {entry["name"]: str(entry["value"]) for entry in manifest.get(f"{role}.env", []) if "value" in entry}
    return {str(name): str(value) for name, value in manifest.get(f"{role}.envVars", {}).items()} | listed


def _ignored_fields(manifest: Manifest) -> Iterator[str]:
    for path, value in _leaves(manifest.spec):
        if path not in USED and (path, value) != ("restartPolicy.type", "Never"):
            yield path
    for role in ("driver", "executor"):
        yield from (f"{role}.env[{entry['name']}].valueFrom" for entry in manifest.get(f"{role}.env", []) if "valueFrom" in entry)


def _leaves(spec: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Fields two levels deep: deep enough to be found in the manifest, short enough to be read."""
    for key, value in spec.items():
        if key not in USED and isinstance(value, dict):
            yield from ((f"{key}.{inner}", held) for inner, held in value.items())
        else:
            yield key, value
