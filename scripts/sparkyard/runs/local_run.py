"""A manifest run on this machine: the same job, arguments and tables as on a cluster."""

import os
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from sparkyard.errors import Cancelled, InputError, OutOfMemory, UsageError, YardError
from sparkyard.local import cds, launch, process, store
from sparkyard.local.catalog import ensure_catalog
from sparkyard.local.conf import make_local_conf
from sparkyard.local.home import CONNECTIONS_ENV, SHARES_ENV, cache_dir, ensure_home
from sparkyard.local.java import find_java
from sparkyard.local.plan import Plan, find_app, make_plan
from sparkyard.manifest import Manifest, load_manifest, override_arguments
from sparkyard.names import BUCKETS
from sparkyard.project import ROOT
from sparkyard.runs.plots import draw_plot
from sparkyard.summary import RunRecord, add_result, cause_to_dict, find_cause, parse_result

S3_URI = re.compile(r"s3a://(?P<path>[\w./-]+?)/?(?=[:,;.]?(?:\s|$))")
LOG_TAIL = 2_000_000  # bytes: an end that explains itself is far shorter


@dataclass(frozen=True)
class LocalRequest:
    manifest: Path
    home: Path
    arguments: Sequence[str] = ()
    cores: int | None = None
    executors: int | None = None


class Watcher(process.Listener, Protocol):
    def planned(self, plan: Plan, record: RunRecord) -> None: ...


def run_local(request: LocalRequest, watcher: Watcher) -> RunRecord:
    """Run to the end; what fails after the start is told by the record, what fails before by an error."""
    begin = time.monotonic()
    manifest = override_arguments(load_manifest(request.manifest), request.arguments)
    home = ensure_home(request.home)
    app = find_app(manifest, app_roots(request.manifest))
    java, spark = find_java(), launch.find_spark()
    cpus, here = os.cpu_count() or 1, version("pyspark")
    plan = make_plan(manifest, app, cpus=cpus, cores=request.cores, executors=request.executors, spark=here)
    record = RunRecord(
        store.make_run_id(manifest.name), str(request.manifest), manifest.name, "local", pid=os.getpid(), ignored=plan.ignored
    )
    record.started = _now()
    folder = store.run_dir(home, record.run_id)
    log, scratch = folder / "driver.log", folder / "tmp"
    record.links["log"] = str(log)
    scratch.mkdir(parents=True)
    ensure_catalog(home)
    store.save_record(home, record)
    watcher.planned(plan, record)
    try:
        jars = launch.find_jars(spark)
        archive = cds.archive_path(cache_dir(), java, jars)
        conf = make_local_conf(home, scratch) | plan.conf
        command = launch.make_command(java, plan, jars, conf, scratch, cds.archive_options(archive, scratch))
        env = launch.make_environment(plan, app_root(app, manifest), scratch, record.run_id)
        env.setdefault(SHARES_ENV, str(home / "shares"))
        env.setdefault(CONNECTIONS_ENV, str(home / "connections"))
        record.times["prepare"] = round(time.monotonic() - begin, 3)
        outcome = process.run_process(command, env, log, watcher)
        _conclude(record, outcome, home, log)
        if record.tables and not archive.exists():  # a run that wrote tables has loaded the classes that most runs need
            cds.start_dump(java, archive, jars, cds.class_list(scratch))
    except KeyboardInterrupt:
        record.state, record.cause = "cancelled", cause_to_dict(Cancelled("stopped by hand; its Java process has ended"))
    except YardError as error:
        record.state, record.cause = "failed", cause_to_dict(error)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        record.finished, record.times["total"] = _now(), round(time.monotonic() - begin, 3)
        store.save_record(home, record)
    return record


def _conclude(record: RunRecord, outcome: process.Outcome, home: Path, log: Path) -> None:
    result = parse_result(outcome.result)
    record.times["start"] = outcome.started
    add_result(record, result)
    record.times["stop"] = outcome.stopped
    cause = find_cause(outcome.exit_code, result, _tail(log))
    record.state = "failed" if cause else "succeeded"
    if cause:
        record.cause = cause_to_dict(_with_hint(cause, record, home))
    elif result and result.get("plot"):
        begin = time.monotonic()
        record.links |= draw_plot(home, result["plot"], store.run_dir(home, record.run_id) / "plot.png")
        record.times["plot"] = round(time.monotonic() - begin, 3)


def _with_hint(cause: YardError, record: RunRecord, home: Path) -> YardError:
    """What to type next, where this machine knows more than the job did."""
    if "S3AFileSystem not found" in cause.what:
        return InputError(f"an s3a:// bucket that is not here: there are {', '.join(BUCKETS)}", next_command=f"ls {home}")
    if isinstance(cause, OutOfMemory):
        cause.next_command = f"raise spec.driver.memory or spec.executor.memory in {record.manifest}, then run it again"
    elif isinstance(cause, InputError) and (uri := S3_URI.search(cause.what)):
        cause.next_command = f"ls -l {home / uri['path']}   (here s3a://<bucket> is {home}/<bucket>: {', '.join(BUCKETS)})"
    elif isinstance(cause, UsageError):
        cause.next_command = f"sparkyard run {record.manifest} -- --help"
    else:
        cause.next_command = cause.next_command or f"sparkyard show {record.run_id} --log"
    return cause


def app_roots(manifest: Path) -> list[Path]:
    """Where spark_apps may lie: above the manifest, above here, in this project."""
    above = [*manifest.resolve().parents, *Path.cwd().parents, Path.cwd(), ROOT]
    return list(dict.fromkeys(folder / "spark_apps" for folder in above if (folder / "spark_apps").is_dir()))


def app_root(app: Path, manifest: Manifest) -> Path:
    """What PYTHONPATH must hold for the job's own imports."""
    return next((root for root in app_roots(Path(manifest.path)) if app.is_relative_to(root)), app.parent)


def _tail(log: Path) -> list[str]:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_TAIL))
        return file.read().decode(errors="replace").splitlines()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
