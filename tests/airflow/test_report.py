"""The report of a DAG's run on Airflow's own server: what its jobs have left, and only for those who may see it."""

from typing import Any

import pytest

pytest.importorskip("airflow.sdk", reason="no Airflow here: make test runs these with the group airflow")
from sparkyard.airflow import dags
from sparkyard.airflow.links import report_address
from sparkyard.project import ROOT

NAME = "sensors_hourly"


@pytest.fixture
def run(database: None, busy_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """One job is well, one has failed."""
    from airflow.dag_processing.dagbag import DagBag

    monkeypatch.setitem(dags.TASKS, "retries", 0)
    busy_cluster.ends["sensors-catalogue"] = ("FAILED", 1, {"status": "failed", "error": {"type": "UsageError", "message": "<seven>"}})
    return DagBag(str(ROOT / f"airflow/dags/{NAME}.py")).dags[NAME].test()


def test_all_jobs_of_a_run_stand_on_one_page(run: Any) -> None:
    from airflow.utils.session import create_session

    from sparkyard.airflow.report import render

    with create_session() as session:
        page = render(session, NAME, run.run_id)
        assert not render(session, NAME, "no-such-run")
    for words in ("sensors-land", "sensors-catalogue", 'class="succeeded"', 'class="failed"', "&lt;seven&gt;", "yard.refined.x"):
        assert words in page
    assert page.count("<section ") == 2


def test_a_task_s_record_names_it(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    with create_session() as session:
        rows = session.scalars(XComModel.get_many(run_id=run.run_id, dag_ids=NAME, task_ids="sensors-land", key="return_value"))
        [record] = [XComModel.deserialize_value(row) for row in rows]
    assert record["links"]["report"] == report_address(NAME, run.run_id)
    assert record["links"]["report"].startswith("/sparkyard/report?dag_id=sensors_hourly&run_id=manual")
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://air.example.com/team/")
    assert report_address("d", "r").startswith("https://air.example.com/team/sparkyard/report?")


def test_nobody_sees_it_who_has_not_logged_in(database: None) -> None:
    from airflow import plugins_manager
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    [found] = [app for app in plugins_manager.get_fastapi_plugins()[0] if app["url_prefix"] == "/sparkyard"]
    server = FastAPI()
    server.mount(found["url_prefix"], found["app"])
    answer = TestClient(server).get("/sparkyard/report", params={"dag_id": NAME, "run_id": "r"})
    assert (answer.status_code, answer.json()["detail"]) == (401, "Not authenticated")
