"""Apache Airflow's own files, of one run of the tests, in a folder of their own; it reads its environment when it is imported."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from unit.runs.fake_cluster import FakeCluster, run_cluster

HOME = tempfile.mkdtemp(prefix="sparkyard-airflow-")
DAGS = Path(__file__).resolve().parents[2] / "airflow" / "dags"
os.environ |= {"AIRFLOW_HOME": HOME, "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS)}
os.environ["AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT"] = "300"  # a busy machine is no failure


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCluster]:
    from sparkyard.airflow import trigger

    monkeypatch.setattr(trigger, "EARLIEST", 0.0)
    with run_cluster(tmp_path) as (fake, kubeconfig):
        monkeypatch.setenv("KUBECONFIG", kubeconfig)
        yield fake


@pytest.fixture(scope="session")
def database() -> None:
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture
def busy_cluster(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Every application ends as soon as it is made: well, or as `ends` says of what its name begins with."""
    from sparkyard.airflow import trigger

    busy: Any = cluster
    create, busy.ends = cluster._create, {}
    trigger.connect.cache_clear()

    def create_and_end(body: Any) -> tuple[int, Any]:
        status, app = create(body)
        name = body["metadata"]["name"]
        cluster.end(name, *next((end for begin, end in busy.ends.items() if name.startswith(begin)), ()))
        return status, app

    monkeypatch.setattr(cluster, "_create", create_and_end)
    return cluster
