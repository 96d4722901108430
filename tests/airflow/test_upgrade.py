"""From Airflow 3.2 to ours: the chart's own command migrates a database that 3.2 has made and used, and everything in it is kept."""

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("airflow.sdk", reason="no Airflow here: make test runs these with the group airflow")
from charts.apiserver import free_port

from sparkyard.project import ROOT

sys.path.insert(0, str(ROOT / "scripts" / "dev"))
import postgres

pytestmark = [pytest.mark.postgres, pytest.mark.long, pytest.mark.timeout(3600)]
BEFORE = Path(__file__).with_name("before.py")
COMMAND = re.compile(r'printf "(airflow db migrate .*?)" \(int')
DAG = """
from datetime import datetime
from airflow.sdk import dag, task

@dag(schedule=None, start_date=datetime(2026, 1, 1))
def kept():
    @task
    def answer():
        return 42
    answer()
kept()
"""
LOOK = """
import json
from airflow.models import Connection, DagRun, Pool, TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
with create_session() as session:
    print(json.dumps({
        "runs": [(run.dag_id, run.state) for run in session.query(DagRun)],
        "tasks": [(task.task_id, task.state) for task in session.query(TaskInstance)],
        "xcoms": [xcom.key for xcom in session.query(XComModel)],
        "pools": {pool.pool: pool.slots for pool in session.query(Pool)},
        "passwords": {found.conn_id: found.password for found in session.query(Connection)},
    }))
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of both Airflows: a home, a key, a DAG, and a PostgreSQL by libpq's variables, as the chart has it."""
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "kept.py").write_text(DAG)
    with postgres.serve(free_port(), None, "fsync=off") as server:
        where = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "postgres", "PGPASSWORD": postgres.PASSWORD}
        database = {f"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN{kind}": "postgresql+psycopg:///postgres" for kind in ("", "_ASYNC")}
        secret = {"AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode()}
        folders = {"AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path / "dags")}
        yield {**os.environ, **where, **database, **folders, **secret}


def run(place: dict[str, str], *command: str) -> str:
    done = subprocess.run(command, env=place, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def look(place: dict[str, str]) -> Any:
    """What our Airflow finds, on the last line of what it says."""
    return json.loads(run(place, sys.executable, "-c", LOOK).splitlines()[-1])


def test_everything_of_before_is_kept(place: dict[str, str]) -> None:
    run(place, "build/uv/bin/uv", "run", "--locked", "--script", str(BEFORE))
    [migrate] = COMMAND.findall((ROOT / "charts/airflow/templates/migrate.yaml").read_text())
    run(place, "sh", "-c", migrate % 3)
    found = look(place)
    assert found["runs"] == [["kept", "success"]]
    assert found["tasks"] == [["answer", "success"]]
    assert found["xcoms"] == ["return_value"]
    assert found["pools"].items() >= {"kept": 7, "spark": 3}.items()
    assert found["passwords"] == {"kept": "sesame"}, "by the key of before"
    run(place, "airflow", "dags", "test", "kept", "2026-03-02")
    assert look(place)["runs"] == [["kept", "success"]] * 2
