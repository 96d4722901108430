"""`make bench-scale`: how the same work shortens with more executors on the real cluster, each held to 0.2 of a CPU: landing, and q3.

Work is the time in which stages of the job ran, by its event log. No job begins before all its executors are there, so that the start of
pods is no part of it. Each executor compiles its code anew within its 0.2 of a CPU: that is part of it. The trace tables of the cluster's
lake are dropped before and after.

  python scripts/bench/scale.py --executors 1,2,4 --land 4 --ask 16
"""

import argparse
import copy
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pyarrow.fs import S3FileSystem

from sparkyard.kube import Kube
from sparkyard.kube.applications import applications_path
from sparkyard.kube.explain import FINAL_STATES, application_state
from sparkyard.manifest import load_manifest
from sparkyard.names import JOBS_NAMESPACE
from sparkyard.project import ROOT
from sparkyard.runs.cluster_lake import open_catalog, open_store
from sparkyard.runs.cluster_run import clear_name, create_application

Object = dict[str, Any]
SHARE = "200m"
SECONDS_TO_END = 1800
CONF = {
    "spark.scheduler.minRegisteredResourcesRatio": "1.0",
    "spark.scheduler.maxRegisteredResourcesWaitingTime": "300s",
    "spark.eventLog.rolling.enabled": "false",
    "spark.eventLog.compress": "false",
}


def make_application(job: str, executors: int, share: str, arguments: Sequence[str]) -> Object:
    app = copy.deepcopy(load_manifest(ROOT / f"manifests/jobs/{job}.yaml").document)
    spec = app["spec"]
    app["metadata"] |= {"name": f"scale-{job}", "namespace": JOBS_NAMESPACE}
    spec["arguments"] = list(arguments)
    spec["sparkConf"] = {**spec.get("sparkConf", {}), **CONF}
    spec["executor"] |= {"instances": executors, "cores": 1}
    if share:
        spec["executor"] |= {"coreRequest": share, "coreLimit": share}
    return app


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


def work_seconds(events: Iterable[Object]) -> float:
    """In which at least one stage ran."""
    infos = [event["Stage Info"] for event in events if event["Event"] == "SparkListenerStageCompleted"]
    seconds, until = 0, 0
    for since, end in sorted((info["Submission Time"], info["Completion Time"]) for info in infos):
        seconds += max(0, end - max(since, until))
        until = max(until, end)
    return seconds / 1000


def drop_tables(kube: Kube, prefix: str) -> None:
    with open_catalog(kube) as catalog:
        for space in catalog.list_namespaces():
            for table in catalog.list_tables(space):
                if table[-1].startswith(prefix):
                    catalog.drop_table(table)


def upload(scale: float, home: Path) -> str:
    """A sample in the cluster's store; its address."""
    files, yard = home / f"scale-{scale:g}/raw/trace", Path(sys.executable).with_name("sparkyard")
    subprocess.run([yard, "sample", "trace", "--scale", f"{scale:g}", "--out", files], check=True)
    subprocess.run([yard, "upload", files, "--to", f"raw/bench-{scale:g}"], check=True)
    return f"s3a://raw/bench-{scale:g}/"


def measure(kube: Kube, job: str, executors: int, arguments: Sequence[str] = ()) -> float:
    events = run(kube, make_application(job, executors, SHARE, arguments))
    if (found := count_executors(events)) != executors:
        sys.exit(f"{job}: {found} executors when the work began, not {executors}")
    seconds = work_seconds(events)
    print(f"{job:28} {executors} × {SHARE}  {seconds:8.1f} s", flush=True)
    return seconds


def format_speed(job: str, seconds: dict[int, float]) -> str:
    first = min(seconds)
    lines = [f"\n{job:28} executors   work, s  speed-up  of linear"]
    for executors, took in seconds.items():
        faster, linear = seconds[first] / took, executors / first
        lines.append(f"{'':28} {executors:9} {took:9.1f} {faster:8.2f}x {faster / linear:10.2f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executors", type=lambda text: [int(number) for number in text.split(",")], default=[1, 2, 4], help="1,2,4")
    parser.add_argument("--land", type=float, default=4, help="shards that are landed (4)")
    parser.add_argument("--ask", type=float, default=16, help="shards that q3 is asked of (16)")
    parser.add_argument("--home", type=Path, default=ROOT / "build/bench", help="where samples lie (build/bench)")
    args = parser.parse_args()
    kube, seconds = Kube(), {"trace-land": {}, "trace-q3-scheduling-classes": {}}
    few, many = upload(args.land, args.home), upload(args.ask, args.home)
    for executors in args.executors:
        drop_tables(kube, "trace_")
        seconds["trace-land"][executors] = measure(kube, "trace-land", executors, ["--input", few])
    drop_tables(kube, "trace_")
    run(kube, make_application("trace-land", 2, "", ["--input", many]))
    for executors in args.executors:
        drop_tables(kube, "trace_q3_")
        seconds["trace-q3-scheduling-classes"][executors] = measure(kube, "trace-q3-scheduling-classes", executors)
    drop_tables(kube, "trace_")
    print("\n".join(format_speed(job, took) for job, took in seconds.items()))


if __name__ == "__main__":
    main()
