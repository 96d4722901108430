"""A task in a pod of its own is done without Airflow's keys and without a database: what it needs comes with its work."""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

pytest.importorskip("airflow.sdk", reason="no Airflow here: make test runs these with the group airflow")
from charts.apiserver import free_port

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]
PATIENCE = 600  # seconds, of a busy machine
DAG = """
import os
from datetime import datetime
from airflow.sdk import Connection, dag, task

@dag(schedule=None, start_date=datetime(2026, 1, 1))
def alone():
    @task
    def look():
        held = [name for name in os.environ if name.startswith("PG") or name.endswith(("_KEY", "_SECRET"))]
        return {"password": Connection.get("kept").password, "held": held}
    @task
    def read(seen):
        assert seen == {"password": "sesame", "held": []}, seen
    read(look())
alone()
"""
LOOK = """
import json
from airflow.models import TaskInstance
from airflow.utils.session import create_session
with create_session() as session:
    print(json.dumps({task.task_id: task.state for task in session.query(TaskInstance)}))
"""


@pytest.fixture
def place(tmp_path: Path) -> dict[str, str]:
    """Airflow's own environment, and in APART all that a task is given."""
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "alone.py").write_text(DAG)
    port = free_port()
    shared = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parent),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path / "dags"),
        "AIRFLOW__CORE__EXECUTOR": "apart.Apart",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(tmp_path / "logs"),
    }
    task = {**shared, "AIRFLOW_HOME": str(tmp_path / "task")}
    keys = {
        name: base64.urlsafe_b64encode(os.urandom(32)).decode() for name in ("CORE__FERNET_KEY", "API__SECRET_KEY", "API_AUTH__JWT_SECRET")
    }
    own = {"AIRFLOW_HOME": str(tmp_path / "home"), "AIRFLOW__API__PORT": str(port), "AIRFLOW__API__WORKERS": "1", "APART": json.dumps(task)}
    return {**shared, **own, **{f"AIRFLOW__{name}": value for name, value in keys.items()}}


def airflow(place: dict[str, str], *command: str) -> None:
    done = subprocess.run(["airflow", *command], env=place, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@contextmanager
def running(place: dict[str, str], log: Path, *command: str) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen(["airflow", *command], env=place, stdout=out, stderr=out)
        try:
            yield
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()


def wait_for_api(place: dict[str, str], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            urlopen(f"http://127.0.0.1:{place['AIRFLOW__API__PORT']}/api/v2/version", timeout=5).close()
            return
        except (URLError, OSError):
            assert time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(1)


def list_states(place: dict[str, str]) -> dict[str, str]:
    done = subprocess.run([sys.executable, "-c", LOOK], env=place, capture_output=True, text=True, check=True, timeout=120)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_a_task_is_done_without_keys_and_database(place: dict[str, str], tmp_path: Path) -> None:
    airflow(place, "db", "migrate")
    airflow(place, "connections", "add", "kept", "--conn-type", "http", "--conn-password", "sesame")
    airflow(place, "dags", "reserialize")
    airflow(place, "dags", "unpause", "--yes", "alone")
    airflow(place, "dags", "trigger", "alone")
    api, scheduler = tmp_path / "api.log", tmp_path / "scheduler.log"
    with running(place, api, "api-server"):
        wait_for_api(place, api)
        with running(place, scheduler, "scheduler"):
            deadline = time.monotonic() + PATIENCE
            while (states := list_states(place)) != {"look": "success", "read": "success"}:
                assert "failed" not in states.values(), scheduler.read_text()[-6000:]
                assert time.monotonic() < deadline, f"{states}\n{scheduler.read_text()[-6000:]}\n{api.read_text()[-3000:]}"
                time.sleep(3)
