"""The operator and its trigger, against a cluster that fails in every way that a cluster can."""

import asyncio
import copy
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("airflow.sdk", reason="no Airflow here: make test runs these with the group airflow")
from airflow.sdk.exceptions import AirflowException, AirflowFailException, TaskDeferred
from unit.runs.fake_cluster import FakeCluster

from sparkyard.airflow import spark_job, trigger
from sparkyard.airflow.operator import find_manifests
from sparkyard.airflow.summary import format_line
from sparkyard.project import ROOT


class FakeTask(SimpleNamespace):
    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def make_ti(attempt: int = 1, **more: Any) -> FakeTask:
    names = {"dag_id": "d", "task_id": "t", "run_id": "r", "map_index": -1, "pushed": {}}
    return FakeTask(**names, try_number=attempt, start_date=datetime.now(UTC), **more)


def begin(cluster: FakeCluster, attempt: int = 1, **options: Any) -> tuple[Any, FakeTask, TaskDeferred]:
    task, ti = spark_job("hello-hello", "--x", "1", **options), make_ti(attempt)
    with pytest.raises(TaskDeferred) as deferred:
        task.execute({"ti": ti})
    return task, ti, deferred.value


def wait(deferred: TaskDeferred) -> dict[str, str]:
    """What the trigger says at the end, after it was stored and made anew as Airflow does it."""
    path, kwargs = deferred.trigger.serialize()
    assert path == "sparkyard.airflow.trigger.ApplicationTrigger"

    async def first() -> dict[str, str]:
        async for event in trigger.ApplicationTrigger(**kwargs).run():
            return dict(event.payload)
        raise AssertionError("no event")

    trigger.connect.cache_clear()
    return asyncio.run(first())


def resume(task: Any, ti: FakeTask, event: dict[str, str]) -> Any:
    return task.resume_execution("conclude", {"event": event}, {"ti": ti})


def test_a_job_is_submitted_waited_for_and_told(cluster: FakeCluster) -> None:
    task, ti, deferred = begin(cluster)
    [name] = cluster.created
    assert cluster.apps[name]["spec"]["arguments"] == ["--x", "1"]
    assert cluster.apps[name]["metadata"]["labels"]["sparkyard.dev/run-id"] == name
    cluster.end(name)
    record = resume(task, ti, wait(deferred))
    assert (record["state"], record["rows"]["written"], record["tables"]) == ("succeeded", 4, ["yard.refined.x"])
    assert record["cost"]["asked_core_hours"] == round(19 * 3 / 3600, 4), "a driver and two executors, from submission to end"


def test_what_the_triggerer_saw_stands_in_the_tasks_own_log(cluster: FakeCluster, capsys: pytest.CaptureFixture[str]) -> None:
    task, ti, deferred = begin(cluster)
    cluster.log = ["2026-11-21T16:21:50.1Z a line of the driver"]
    cluster.end(cluster.created[0])
    event = wait(deferred)
    capsys.readouterr()
    resume(task, ti, event)
    shown = capsys.readouterr().out
    assert f"application spark-jobs/{cluster.created[0]}: COMPLETED" in shown
    assert "a line of the driver" in shown


def test_pods_go_to_the_nodes_that_are_named(cluster: FakeCluster) -> None:
    begin(cluster, node_selector={"pool": "night", "zone": ""})
    spec = cluster.apps[cluster.created[0]]["spec"]
    assert [spec[role]["nodeSelector"] for role in ("driver", "executor")] == [{"pool": "night"}] * 2


def test_a_second_worker_follows_the_same_application(cluster: FakeCluster) -> None:
    begin(cluster)
    begin(cluster, attempt=2)
    assert len(cluster.created) == 1


@pytest.mark.parametrize(
    ("kind", "final"), [("UsageError", True), ("InputError", False), ("ValueError", False)], ids=["wrong argument", "no input", "a failure"]
)
def test_a_failed_job_fails_its_task(cluster: FakeCluster, kind: str, final: bool) -> None:
    task, ti, deferred = begin(cluster)
    cluster.end(cluster.created[0], "FAILED", 1, {"status": "failed", "error": {"type": kind, "message": "seven"}})
    with pytest.raises(AirflowException, match="seven") as error:
        resume(task, ti, wait(deferred))
    assert isinstance(error.value, AirflowFailException) is final
    assert ti.pushed["run_record"]["cause"]["message"].endswith("seven")


def test_completed_that_says_failed_is_a_failure(cluster: FakeCluster) -> None:
    task, ti, deferred = begin(cluster)
    cluster.end(cluster.created[0], "COMPLETED", 0, {"status": "failed", "error": {"type": "JobError", "message": "check failed"}})
    with pytest.raises(AirflowException, match="check failed"):
        resume(task, ti, wait(deferred))


@pytest.mark.parametrize(("words", "final"), [("spec.image: not allowed", True), ("exceeded quota: jobs", False)])
def test_what_admission_refuses_is_not_tried_again_but_a_full_quota_is(cluster: FakeCluster, words: str, final: bool) -> None:
    cluster.refusals = [(404, "none yet"), (403, f'admission webhook "x" denied the request: {words}')]
    with pytest.raises(AirflowException, match=words) as error:
        spark_job("hello-hello").execute({"ti": make_ti()})
    assert isinstance(error.value, AirflowFailException) is final


def test_a_manifest_that_is_not_there_fails_for_good(cluster: FakeCluster) -> None:
    with pytest.raises(AirflowFailException, match="no such manifest"):
        spark_job("no-such-job").execute({"ti": make_ti()})


def test_manifests_are_those_of_the_dags_own_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    near, dag = tmp_path / "repo" / "manifests" / "jobs", tmp_path / "repo" / "airflow" / "dags" / "x.py"
    assert find_manifests(str(dag)) == find_manifests("") == ROOT / "manifests" / "jobs"
    near.mkdir(parents=True)
    assert find_manifests(str(dag)) == near
    monkeypatch.setenv("SPARKYARD_MANIFESTS", "/elsewhere")
    assert find_manifests(str(dag)) == Path("/elsewhere")


def test_a_deleted_application_and_a_cancelled_one_fail(cluster: FakeCluster) -> None:
    task, ti, deferred = begin(cluster)
    gone = cluster.apps.pop(cluster.created[0])
    with pytest.raises(AirflowException, match="somebody deleted"):
        resume(task, ti, wait(deferred))
    cluster.apps[gone["metadata"]["name"]] = gone
    cluster.become(gone["metadata"]["name"], "SUSPENDED")
    with pytest.raises(AirflowFailException, match="cancelled"):
        resume(task, ti, wait(deferred))


def test_what_airflow_ends_is_cancelled(cluster: FakeCluster) -> None:
    for what, words in (("Trigger timeout", "not done after 0:00:07"), ("Trigger failure", "Trigger failure")):
        task, ti, deferred = begin(cluster, execution_timeout=timedelta(seconds=7))
        assert timedelta(seconds=5) < deferred.timeout <= timedelta(seconds=7), "Airflow does not count it for deferred tasks"
        with pytest.raises(AirflowException, match=words):
            task.resume_execution("__fail__", {"error": what}, {"ti": ti})
        assert cluster.apps[cluster.created[-1]]["spec"]["suspend"] is True


def test_a_kill_while_it_submits_leaves_nothing_running(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    task, ti = spark_job("hello-hello"), make_ti()
    make = task._make
    monkeypatch.setattr(task, "_make", lambda: (make(), task.killed or task.on_kill())[0])  # the signal comes before there is anything
    with pytest.raises(AirflowFailException, match="killed"):
        task.execute({"ti": ti})
    assert cluster.apps[cluster.created[0]]["spec"]["suspend"] is True


@pytest.mark.parametrize(("state", "stopped"), [(None, True), ("failed", True), ("success", True), ("deferred", False)])
def test_a_killed_trigger_cancels_and_one_that_moved_does_not(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, state: str | None, stopped: bool
) -> None:
    _, ti, deferred = begin(cluster)
    trigger.connect.cache_clear()
    deferred.trigger.task_instance = ti
    monkeypatch.setattr(trigger.RuntimeTaskInstance, "get_task_states", staticmethod(lambda **_: {"r": {"t": state}}))
    asyncio.run(deferred.trigger.on_kill())
    assert ("suspend" in cluster.apps[cluster.created[0]]["spec"]) is stopped


def test_a_kill_outlives_the_patience_of_airflow(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow asks itself for the task's state, which takes long the first time."""
    _, ti, deferred = begin(cluster)
    trigger.connect.cache_clear()
    deferred.trigger.task_instance = ti
    monkeypatch.setattr(trigger.RuntimeTaskInstance, "get_task_states", staticmethod(lambda **_: time.sleep(0.3) or {"r": {"t": None}}))

    async def kill() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(deferred.trigger.on_kill(), timeout=0.05)
        await asyncio.gather(*trigger.CANCELLING)

    asyncio.run(kill())
    assert cluster.apps[cluster.created[0]]["spec"]["suspend"] is True


AWAY = (500, 'Internal error occurred: failed calling webhook "x"')


def test_a_kill_is_tried_until_the_cluster_answers(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, deferred = begin(cluster)
    trigger.connect.cache_clear()
    monkeypatch.setattr(trigger, "PAUSE", 0.01)
    cluster.refusals = [AWAY, AWAY]
    asyncio.run(deferred.trigger.on_kill())
    assert cluster.apps[cluster.created[0]]["spec"]["suspend"] is True


def test_a_kill_that_never_comes_about_ends_and_says_so(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, deferred = begin(cluster)
    trigger.connect.cache_clear()
    monkeypatch.setattr(trigger, "PAUSE", 0.01)
    monkeypatch.setattr(trigger, "PATIENCE", 0.1)
    cluster.refusals = [AWAY] * 100_000
    asyncio.run(deferred.trigger.on_kill())
    assert "could not be cancelled and may run on" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answers", "words", "stopped"),
    [([AWAY, AWAY], "its application is being cancelled", True), ([(403, "no right")], "could not be cancelled and may run on", False)],
    ids=["away for a while", "refused"],
)
def test_a_task_out_of_time_says_what_became_of_its_application(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, answers: list[tuple[int, str]], words: str, stopped: bool
) -> None:
    task, ti, _ = begin(cluster, execution_timeout=timedelta(seconds=7))
    monkeypatch.setattr("sparkyard.runs.attempt.PAUSE", 0.01)
    cluster.refusals = list(answers)
    with pytest.raises(AirflowException, match=f"not done after 0:00:07: .*{words}"):
        task.resume_execution("__fail__", {"error": "Trigger timeout"}, {"ti": ti})
    assert ("suspend" in cluster.apps[cluster.created[0]]["spec"]) is stopped


def test_a_trigger_that_was_killed_leaves_alone_what_the_next_try_follows(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, deferred = begin(cluster)
    begin(cluster, attempt=2)
    trigger.connect.cache_clear()
    asyncio.run(deferred.trigger.on_kill())
    assert "suspend" not in cluster.apps[cluster.created[0]]["spec"]


def test_an_end_is_told_at_once_and_not_at_the_next_look(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, deferred = begin(cluster)
    [name] = cluster.created
    monkeypatch.setattr("sparkyard.runs.watch.FASTEST", 600.0)
    trigger.connect.cache_clear()

    async def first_event() -> dict[str, Any]:
        wait = asyncio.create_task(anext(deferred.trigger.run()))
        await asyncio.sleep(1)  # it has looked, and would look again in ten minutes
        cluster.end(name)
        cluster.changed.append(cluster.apps[name])
        return dict((await asyncio.wait_for(wait, 60)).payload)

    assert asyncio.run(first_event())["trouble"] == ""


def test_no_task_is_resumed_before_airflow_knows_that_it_was_deferred(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, deferred = begin(cluster)
    monkeypatch.setattr(trigger, "EARLIEST", 3.0)
    cluster.end(cluster.created[0])
    started = time.monotonic()
    wait(deferred)
    assert time.monotonic() - started >= 3


def test_a_thousand_wait_in_one_process(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, deferred = begin(cluster)
    app, names, asked = cluster.apps[cluster.created[0]], [f"w-{number}" for number in range(1000)], set()
    cluster.apps |= {name: copy.deepcopy(app) | {"metadata": app["metadata"] | {"name": name}} for name in names}
    do = cluster._do
    monkeypatch.setattr(cluster, "_do", lambda method, path, *more: (asked.add(path.rpartition("/")[2]), do(method, path, *more))[1])
    trigger.connect.cache_clear()

    async def first_event(name: str) -> dict[str, Any]:
        return dict((await anext(trigger.ApplicationTrigger(**deferred.trigger.what | {"name": name}).run())).payload)

    async def wait_for_all() -> list[dict[str, Any]]:
        waits = [asyncio.create_task(first_event(name)) for name in names]
        while not asked.issuperset(names):
            await asyncio.sleep(0.1)
        assert not any(wait.done() for wait in waits)
        for name in names:
            cluster.end(name)
        return await asyncio.gather(*waits)

    events = asyncio.run(wait_for_all())
    assert [(event["trouble"], event["said"][-1].rpartition(" ")[2]) for event in events] == [("", "COMPLETED")] * 1000
    assert len([thread for thread in threading.enumerate() if thread.name.startswith("sparkyard-look")]) <= 16


def test_the_page_of_a_task_links_to_the_history(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARKYARD_HISTORY_URL", "http://history/")
    task, ti, deferred = begin(cluster)
    cluster.end(cluster.created[0])
    resume(task, ti, wait(deferred))
    link, report = task.operator_extra_links
    assert report.get_link(task, ti_key=None) == "/sparkyard/report?dag_id=d&run_id=r"
    assert link.get_link(task, ti_key=None) == "http://history/history/spark-8eb1d909e0944f9d9029676b2442d84b/"


def test_a_summary_has_a_line_for_what_did_not_run() -> None:
    assert format_line("x", {}) == "x · did not run · 0 rows · 0 s"
