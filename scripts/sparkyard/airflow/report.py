"""`sparkyard report` of a DAG's run as a page of Airflow's own server, made of the records of its tasks when somebody asks."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sparkyard.airflow.operator import RECORD
from sparkyard.summary import RunRecord

SAFE = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:"}


@cache
def make_pages() -> Any:
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
    from airflow.api_fastapi.common.db.common import SessionDep
    from airflow.api_fastapi.core_api.security import requires_access_dag
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.responses import HTMLResponse

    pages = FastAPI(title="Sparkyard", openapi_url=None)

    @pages.get("/report", dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.XCOM))])
    def report(dag_id: str, run_id: str, session: SessionDep) -> HTMLResponse:
        page = render(session, dag_id, run_id)
        if not page:
            raise HTTPException(404, f"no job of {dag_id}, run {run_id}, has left a record")
        return HTMLResponse(page, headers=SAFE)

    return pages


def render(session: Any, dag_id: str, run_id: str) -> str:
    from sparkyard.report import Page, render_report

    records = sorted(find_records(session, dag_id, run_id), key=lambda record: (record.started, record.job))
    made = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return render_report([Page(record) for record in records], f"{dag_id} · {run_id}", made) if records else ""


def find_records(session: Any, dag_id: str, run_id: str) -> Iterator[RunRecord]:
    from airflow.models.xcom import XComModel

    known = {field.name for field in fields(RunRecord)}
    query = XComModel.get_many(run_id=run_id, dag_ids=dag_id).where(XComModel.key.in_(("return_value", RECORD)))
    for row in session.scalars(query):
        value = XComModel.deserialize_value(row)
        if isinstance(value, dict) and {"run_id", "manifest", "job", "place"} <= value.keys():
            yield RunRecord(**{name: content for name, content in value.items() if name in known})
