"""Notebooks and Airflow in the platform's own installation, brought by one command to a node of two cores."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from e2e.hub import Hub, read_secret

from sparkyard.kube import forward
from sparkyard.names import AIRFLOW_SERVICE, JUPYTER_SERVICE, NOTEBOOK_USER_LABEL, NOTEBOOKS_NAMESPACE, PLATFORM_NAMESPACE

pytestmark = [pytest.mark.cluster, pytest.mark.long]
COMMAND = ("install", "--preset", "small-node", "--preset", "everything", "--set", "jupyterhub.database.lake=true")


@pytest.fixture(scope="module")
def said(yard: Any) -> Iterator[str]:
    yield yard.sparkyard(*COMMAND, timeout=900).stdout
    yard.kubectl("delete", "pods,pvc", "-n", NOTEBOOKS_NAMESPACE, "--all")
    yard.sparkyard("install", "--preset", "small-node", "--forget-values", timeout=900)
    yard.kubectl("delete", "secret", "-n", PLATFORM_NAMESPACE, "jupyter-passwords", "airflow", "--ignore-not-found")
    yard.kubectl("delete", "priorityclass", "-l", NOTEBOOK_USER_LABEL)


@pytest.fixture(scope="module")
def hub(yard: Any, said: str) -> Iterator[Hub]:
    token = read_secret(yard.kube, PLATFORM_NAMESPACE, "jupyter-hub")["serviceToken"]
    with forward(yard.kube, PLATFORM_NAMESPACE, service=JUPYTER_SERVICE, port=8000) as port:
        yield Hub(port, token)


def find_password(said: str, where: str, person: str) -> str:
    [password] = re.findall(rf"^ +{where} +{person} +(\S+)$", said, re.MULTILINE)
    return str(password)


def ask_database(yard: Any, database: str, sql: str) -> list[str]:
    password = read_secret(yard.kube, PLATFORM_NAMESPACE, "lake-postgresql")["postgres"]
    psql = ["env", f"PGPASSWORD={password}", "psql", "-qtA", "-h", "localhost", "-U", "postgres", "-d", database, "-c", sql]
    return str(yard.kubectl("exec", "-n", PLATFORM_NAMESPACE, "lake-postgresql-0", "--", *psql).stdout).split()


def test_it_says_what_is_next_and_each_new_password_once(yard: Any, said: str) -> None:
    assert re.search(r"1\d workloads ready", said)
    for command in ("sparkyard doctor", "sparkyard open jupyter", "sparkyard open airflow"):
        assert command in said
    assert find_password(said, "notebooks", "yard")
    assert find_password(said, "Airflow", "admin")
    again = yard.sparkyard(*COMMAND, timeout=900).stdout
    assert "open jupyter" in again
    assert "New passwords" not in again


def test_a_person_is_let_in_and_known_on_the_lake_s_server(yard: Any, said: str, hub: Hub) -> None:
    assert hub.log_in("yard", find_password(said, "notebooks", "yard")).status_code == 302
    assert hub.log_in("yard", "guessed").status_code == 403
    assert ask_database(yard, "jupyterhub", "SELECT name FROM users") == ["yard"]
    assert ask_database(yard, "yard", "SELECT has_database_privilege('yard_jobs', 'jupyterhub', 'CONNECT')") == ["f"]


def test_a_new_hub_remembers_a_running_server_whose_cells_read_the_lake(yard: Any, hub: Hub) -> None:
    hub.start("yard")
    hub.wait_for_server("yard")
    kernel = hub.open_kernel("yard")
    kernel.must("kept = spark.sql('SHOW NAMESPACES IN yard').count()")
    yard.kubectl("delete", "pod", "-n", PLATFORM_NAMESPACE, "-l", "app.kubernetes.io/name=jupyter-hub", "--wait=false")
    yard.kubectl("rollout", "status", "deployment/jupyter-hub", "-n", PLATFORM_NAMESPACE, "--timeout=180s")
    hub.wait(lambda: hub.get_server("yard").get("ready"), "the new hub knows no server", 60)
    kernel.connect()
    assert kernel.must("print(type(kept).__name__)").text == "int\n"
    kernel.close()
    hub.stop("yard")


def test_airflow_answers_to_the_password_shown(yard: Any, said: str) -> None:
    with forward(yard.kube, PLATFORM_NAMESPACE, service=AIRFLOW_SERVICE, port=8080) as port:
        login = {"username": "admin", "password": find_password(said, "Airflow", "admin")}
        token = httpx.post(f"http://127.0.0.1:{port}/auth/token", json=login, timeout=60).json()["access_token"]
        dags = httpx.get(f"http://127.0.0.1:{port}/api/v2/dags", headers={"Authorization": f"Bearer {token}"}, timeout=60).json()
    assert {"events_hourly", "trace_daily"} <= {dag["dag_id"] for dag in dags["dags"]}
