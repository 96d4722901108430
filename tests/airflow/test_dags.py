"""Every DAG is there, is quick to read, asks nobody anything while it is read, and runs manifests that exist."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("airflow.sdk", reason="no Airflow here: make test runs these with the group airflow")
from airflow.sdk.exceptions import AirflowFailException

DAGS = Path(__file__).resolve().parents[2] / "airflow" / "dags"
JOBS = DAGS.parents[1] / "manifests" / "jobs"
OF_PODS = {"trace_daily_kpo", "hello_pod"}  # by KubernetesPodOperator, whose module imports the client of a cluster
WRITTEN_DOWN = {"events_hourly", "trace_daily", "losses_nightly", "lake_upkeep", "trace_rented", "marts_daily", "wdi_refresh", *OF_PODS}
WRITTEN_DOWN |= {"purchases_daily", "sensors_hourly"}


@pytest.fixture(scope="module")
def dags() -> dict[str, Any]:
    from airflow.dag_processing.dagbag import DagBag

    found = DagBag(str(DAGS))
    assert found.import_errors == {}
    return dict(found.dags)


def test_every_dag_is_there(dags: dict[str, Any]) -> None:
    assert dags.keys() == WRITTEN_DOWN
    assert {Path(dag.fileloc).stem for dag in dags.values()} == WRITTEN_DOWN, "a DAG's file has its name"


@pytest.mark.parametrize("of_pods", [False, True])
def test_reading_them_asks_no_network_and_writes_no_file(of_pods: bool) -> None:
    """In a process without a network, that may write no file and import no client of a cluster, but with KubernetesPodOperator."""
    code = """
import builtins, importlib, importlib.abc, runpy, socket, sys
import airflow.sdk
if sys.argv[1] == "True":
    importlib.import_module("airflow.providers.cncf.kubernetes.operators.pod")
class Nobody(importlib.abc.MetaPathFinder):
    def find_spec(self, name, *_):
        if name.split(".")[0] in ("kubernetes", "urllib3", "yaml") and name not in sys.modules:
            raise ImportError("read at import: " + name)
sys.meta_path.insert(0, Nobody())
def refuse(*_, **__): raise OSError("at import")
socket.socket = socket.create_connection = refuse
read = builtins.open
builtins.open = lambda path, mode="r", *more, **named: refuse() if set(mode) & set("wax+") else read(path, mode, *more, **named)
for path in sys.argv[2:]:
    runpy.run_path(path, run_name="imported")
"""
    paths = [str(path) for path in DAGS.glob("*.py") if (path.stem in OF_PODS) is of_pods]
    done = subprocess.run([sys.executable, "-c", code, str(of_pods), *paths], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def test_every_task_of_a_job_runs_a_manifest_and_can_be_tried_again(dags: dict[str, Any]) -> None:
    for task in (task for dag in dags.values() for task in dag.tasks if hasattr(task, "job")):
        assert (JOBS / f"{task.job}.yaml").exists(), task
        assert task.retries >= 1, task
        assert task.execution_timeout, task
        assert task.pool == "spark", task
        assert task.task_id == task.job or task.job == "sql-publish"


def test_no_dag_skips_what_it_has_started(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        assert dag.dagrun_timeout is None, "it marks waiting tasks as skipped, and leaves their applications running"
        assert (dag.catchup, dag.max_active_runs) == (False, 1)


def test_a_summary_is_the_last_word_on_every_job(dags: dict[str, Any]) -> None:
    for name in ("trace_daily", "losses_nightly", "purchases_daily"):
        [last] = dags[name].leaves
        assert (last.task_id, last.trigger_rule) == ("summary", "all_done")
        assert last.get_flat_relative_ids(upstream=True) == dags[name].task_dict.keys() - {"summary"}


def test_the_questions_are_those_that_are_declared(dags: dict[str, Any]) -> None:
    asked = dags["trace_daily"].task_dict.keys() - {"trace-land", "summary"}
    assert asked == {path.stem for path in JOBS.glob("trace-q*.yaml")}


def test_tasks_that_are_pods_leave_the_place_to_the_place(dags: dict[str, Any]) -> None:
    asked = {task.task_id for task in dags["trace_daily_kpo"].tasks}
    assert asked == dags["trace_daily"].task_dict.keys()
    for task in (task for name in OF_PODS for task in dags[name].tasks if task.task_id != "summary"):
        assert (task.image, task.namespace, task.service_account_name) == (None, None, None), task
        assert task.deferrable, task
        assert task.retries >= 1, task
        assert task.execution_timeout, task
        assert task.pool == "spark", task


def test_a_pods_record_is_the_last_thing_that_it_prints(dags: dict[str, Any]) -> None:
    from types import SimpleNamespace

    [keep] = dags["trace_daily_kpo"].task_dict["trace-land"].callbacks
    pushed: dict[str, Any] = {}
    context = {"ti": SimpleNamespace(xcom_push=lambda key, value: pushed.update({key: value}))}
    pod = SimpleNamespace(metadata=SimpleNamespace(name="p", namespace="n"))

    def complete(record: str) -> None:
        data = f"a line\n{{not this}}\n{record}\n1.2 s a line of stderr\n".encode()
        client = SimpleNamespace(read_namespaced_pod_log=lambda *_, **__: SimpleNamespace(data=data))
        keep.on_pod_completion(pod=pod, client=client, context=context, mode="sync", operator=None)

    complete(json.dumps({"state": "failed", "cause": {"exit_code": 6, "message": "m"}}, indent=2))
    assert pushed["run_record"]["state"] == "failed", "and the task fails by its pod, to be tried again"
    with pytest.raises(AirflowFailException, match="wrong"):
        complete(json.dumps({"state": "failed", "cause": {"exit_code": 2, "message": "wrong"}}, indent=2))


def test_the_day_of_a_run_reaches_its_arguments(dags: dict[str, Any]) -> None:
    from types import SimpleNamespace

    import pendulum

    dag = dags["events_hourly"]
    [task] = dag.tasks
    params = {"input": "s3a://raw/events/{day}/", "top": 5}
    run = SimpleNamespace(run_after=pendulum.datetime(2026, 3, 1))
    for context in ({"logical_date": pendulum.datetime(2026, 3, 1)}, {}):  # of a schedule or a back-fill, and of a person
        rendered = [task.render_template(text, {"params": params, "dag_run": run, **context}) for text in task.arguments]
        assert rendered == ["--input", "s3a://raw/events/2026-03-01/", "--top", "5"]


@pytest.mark.parametrize(("asked", "date"), [("", "2026-02-28"), ("2025-07-01", "2025-07-01")])
def test_marts_and_purchases_are_of_the_day_before_the_run_whenever_it_runs(dags: dict[str, Any], asked: str, date: str) -> None:
    """By the clock, a night that is run again in the morning after would be another day."""
    from types import SimpleNamespace

    import pendulum
    from airflow.sdk.execution_time import macros

    dag = dags["marts_daily"]
    marts = {"marts-users", "marts-zones", "marts-friends"}
    assert dag.task_dict["marts-mover"].downstream_task_ids == marts | {"tell_cost", "give_back"}
    context = {"params": {"date": asked, "depth": 7, "input": "raw"}, "logical_date": pendulum.datetime(2026, 3, 1, 2), "macros": macros}
    context["dag_run"] = SimpleNamespace(run_after=pendulum.datetime(2026, 3, 5))
    for name in {"marts-mover", *marts}:
        task = dag.task_dict[name]
        assert [task.render_template(text, context) for text in task.arguments] == ["--date", date, "--depth", "7"]
    land = dags["purchases_daily"].task_dict["purchases-land"]
    assert [land.render_template(text, context) for text in land.arguments] == ["--input", "raw", "--date", date]
    assert land.get_flat_relative_ids() == {"purchases-history", "purchases-sales", "summary"}


@pytest.mark.parametrize(
    ("written", "before", "goes_on"),
    [(1, "success", True), (0, "success", False), (0, "failed", True), (0, None, True), (None, "success", False)],
)
def test_indicators_are_refined_when_something_new_has_landed(
    dags: dict[str, Any], written: int | None, before: str | None, goes_on: bool
) -> None:
    """What a run that failed half-way had landed is no news to the next ingest."""
    from types import SimpleNamespace

    task = dags["wdi_refresh"].task_dict["anything_new"]
    assert task.upstream_task_ids == {"wdi-ingest"}
    assert task.get_flat_relative_ids() == {"wdi-land", "wdi-means", "wdi-short-lives", "wdi-gaps"}
    assert task.ignore_downstream_trigger_rules
    record = {"rows": {"written": written}} if written is not None else {}
    run = SimpleNamespace(state=before) if before else None
    ti = SimpleNamespace(xcom_pull=lambda **_: record, get_previous_dagrun=lambda: run)
    assert task.python_callable(ti=ti, task=task) is goes_on
