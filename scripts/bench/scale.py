"""`make bench-scale`: how the same work shortens with more executors on the real cluster, each held to 0.2 of a CPU: landing, and q3.

Work is the time in which stages of the job ran, by its event log. No job begins before all its executors are there, so that the start of
pods is no part of it. Each executor loads and compiles its code anew within its 0.2 of a CPU, whatever the data: so a job passes several
times in one session, and the first pass is told apart from those that found the executors warm. The trace tables of the cluster's lake are
dropped before and after.

  python scripts/bench/scale.py --executors 1,2,4 --land 8 --ask 16
"""

import argparse
import copy
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from passes import MARK
from pyarrow.fs import S3FileSystem

from sparkyard.kube import Kube
from sparkyard.kube.applications import applications_path
from sparkyard.kube.explain import FINAL_STATES, application_state
from sparkyard.lake import list_tables
from sparkyard.manifest import load_manifest
from sparkyard.names import JOBS_NAMESPACE
from sparkyard.project import ROOT
from sparkyard.runs.cluster_lake import open_catalog, open_store
from sparkyard.runs.cluster_run import clear_name, create_application

Object = dict[str, Any]
SHARE = "200m"
SECONDS_TO_END = 1800
LAND, ASK = "trace-land", "trace-q3-scheduling-classes"
ANSWER = {LAND: "", ASK: "yard.refined.trace_q3_scheduling_classes"}
PASSES_OF_ASK = 4
CODE, CODE_PLACE = "scale-passes", "/etc/passes"
CONF = {
    "spark.scheduler.minRegisteredResourcesRatio": "1.0",
    "spark.scheduler.maxRegisteredResourcesWaitingTime": "300s",
    "spark.eventLog.rolling.enabled": "false",
    "spark.eventLog.compress": "false",
}


def make_application(job: str, executors: int, share: str, passes: Sequence[Sequence[str]]) -> Object:
    """The job's own manifest; what runs is its `main`, as often as there are passes."""
    app = copy.deepcopy(load_manifest(ROOT / f"manifests/jobs/{job}.yaml").document)
    spec = app["spec"]
    app["metadata"] |= {"name": f"scale-{job}", "namespace": JOBS_NAMESPACE}
    spec["arguments"] = [spec["mainApplicationFile"].removeprefix("local://"), ANSWER[job], json.dumps(passes)]
    spec["mainApplicationFile"] = f"local://{CODE_PLACE}/passes.py"
    spec["sparkConf"] = {**spec.get("sparkConf", {}), **CONF}
    spec["volumes"] = [{"name": "passes", "configMap": {"name": CODE}}]
    spec["driver"]["volumeMounts"] = [{"name": "passes", "mountPath": CODE_PLACE}]
    spec["executor"] |= {"instances": executors, "cores": 1}
    if share:
        spec["executor"] |= {"coreRequest": share, "coreLimit": share}
    return app


@contextmanager
def code_on(kube: Kube) -> Iterator[None]:
    path = f"/api/v1/namespaces/{JOBS_NAMESPACE}/configmaps"
    code = {"passes.py": Path(__file__).with_name("passes.py").read_text()}
    kube.delete(f"{path}/{CODE}")
    kube.create(path, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CODE}, "data": code})
    try:
        yield
    finally:
        kube.delete(f"{path}/{CODE}")


def run(kube: Kube, app: Object) -> list[Object]:
    """The events of a job that has ended well."""
    name = app["metadata"]["name"]
    clear_name(kube, JOBS_NAMESPACE, name)
    create_application(kube, app)
    ended = wait_for_end(kube, name)
    identity = ended["status"]["sparkApplicationId"]
    with open_store(kube) as store:
        keys = {"access_key": store.access_key, "secret_key": store.secret_key, "region": "us-east-1"}
        place = S3FileSystem(endpoint_override=store.endpoint, scheme=store.scheme, **keys)
        with place.open_input_stream(f"eventlogs/{identity}", compression=None) as log:
            return [json.loads(line) for line in log.read().decode().splitlines()]


def wait_for_end(kube: Kube, name: str) -> Object:
    for _ in range(SECONDS_TO_END):
        app = kube.get(f"{applications_path(JOBS_NAMESPACE)}/{name}")
        if application_state(app) in FINAL_STATES:
            if application_state(app) == "COMPLETED":
                return app
            sys.exit(f"{name}: {app['status']['applicationState'].get('errorMessage', 'failed')}")
        time.sleep(1)
    sys.exit(f"{name}: not finished after {SECONDS_TO_END} s")


def count_executors(events: Iterable[Object]) -> int:
    """Those that were there when the first stage began."""
    count = 0
    for event in events:
        if event["Event"] == "SparkListenerStageSubmitted":
            break
        count += event["Event"] == "SparkListenerExecutorAdded"
    return count


def work_seconds(events: Sequence[Object]) -> list[float]:
    """Of each pass: the time in which at least one stage ran."""
    jobs = [event for event in events if event["Event"] == "SparkListenerJobStart"]
    begins = [job["Submission Time"] for job in jobs if job["Properties"].get("spark.job.description") == MARK]
    infos = [event["Stage Info"] for event in events if event["Event"] == "SparkListenerStageCompleted"]
    spans = sorted((info["Submission Time"], info["Completion Time"]) for info in infos)
    ends = [*begins[1:], float("inf")]
    return [covered([span for span in spans if begin <= span[0] < end]) / 1000 for begin, end in zip(begins, ends, strict=True)]


def covered(spans: Iterable[tuple[int, int]]) -> int:
    total, until = 0, 0
    for since, end in spans:
        total += max(0, end - max(since, until))
        until = max(until, end)
    return total


def drop_tables(kube: Kube, prefix: str) -> None:
    with open_catalog(kube) as catalog:
        for name in list_tables(catalog, prefix):
            catalog.drop_table(name.removeprefix("yard."))


def upload(scale: float, home: Path) -> list[str]:
    """A sample in the cluster's store, half of its shards in each of two folders: their addresses."""
    files, yard = home / f"scale-{scale:g}/raw/trace", Path(sys.executable).with_name("sparkyard")
    subprocess.run([yard, "sample", "trace", "--scale", f"{scale:g}", "--out", files], check=True)
    halves = [home / f"scale-{scale:g}/halves/{half}" for half in (0, 1)]
    shutil.rmtree(halves[0].parent, ignore_errors=True)
    for file in sorted(files.glob("*/*.gz")):
        shard = int(file.name.split("-")[1])
        for half in halves if file.parent.name == "machine_events" else [halves[shard % 2]]:
            place = half / file.relative_to(files)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.link(file, place)
    for half in halves:
        subprocess.run([yard, "upload", half, "--to", f"raw/bench-{scale:g}/{half.name}"], check=True, stdout=subprocess.DEVNULL)
    return [f"s3a://raw/bench-{scale:g}/{half.name}/" for half in halves]


def measure(kube: Kube, job: str, executors: int, passes: Sequence[Sequence[str]]) -> tuple[float, float]:
    """Seconds of the first pass, and the median of those that found the executors warm."""
    events = run(kube, make_application(job, executors, SHARE, passes))
    if (found := count_executors(events)) != executors:
        sys.exit(f"{job}: {found} executors when the work began, not {executors}")
    first, *warm = work_seconds(events)
    print(f"{job:28} {executors} × {SHARE}  first {first:7.1f} s  warm {' '.join(f'{seconds:.1f}' for seconds in warm)} s", flush=True)
    return first, statistics.median(warm)


def format_speed(job: str, measured: dict[int, tuple[float, float]]) -> str:
    least = min(measured)
    lines = [f"\n{job:28} executors   first, s  speed-up  of linear    warm, s  speed-up  of linear"]
    for executors, seconds in measured.items():
        line = f"{'':28} {executors:9}"
        for base, took in zip(measured[least], seconds, strict=True):
            line += f" {took:10.1f} {base / took:8.2f}x {base / took * least / executors:10.2f}"
        lines.append(line)
    return "\n".join(lines)


def bench(kube: Kube, executors: Sequence[int], few: Sequence[str], many: Sequence[str]) -> dict[str, dict[int, tuple[float, float]]]:
    measured: dict[str, dict[int, tuple[float, float]]] = {LAND: {}, ASK: {}}
    for count in executors:
        drop_tables(kube, "trace_")
        measured[LAND][count] = measure(kube, LAND, count, [["--input", folder] for folder in few])
    drop_tables(kube, "trace_")
    run(kube, make_application(LAND, 2, "", [["--input", folder] for folder in many]))
    for count in executors:
        measured[ASK][count] = measure(kube, ASK, count, [[]] * PASSES_OF_ASK)
    drop_tables(kube, "trace_")
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executors", type=lambda text: [int(number) for number in text.split(",")], default=[1, 2, 4], help="1,2,4")
    parser.add_argument("--land", type=float, default=8, help="shards that are landed, half of them in each of two passes (8)")
    parser.add_argument("--ask", type=float, default=16, help="shards that q3 is asked of (16)")
    parser.add_argument("--home", type=Path, default=ROOT / "build/bench", help="where samples lie (build/bench)")
    args = parser.parse_args()
    kube = Kube()
    few, many = upload(args.land, args.home), upload(args.ask, args.home)
    with code_on(kube):
        measured = bench(kube, args.executors, few, many)
    print("\n".join(format_speed(job, took) for job, took in measured.items()))


if __name__ == "__main__":
    main()
