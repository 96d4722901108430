"""Apache Airflow's own files, of one run of the tests, in a folder of their own; it reads its environment when it is imported."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.runs.fake_cluster import FakeCluster, run_cluster

HOME = tempfile.mkdtemp(prefix="sparkyard-airflow-")
DAGS = Path(__file__).resolve().parents[2] / "airflow" / "dags"
os.environ |= {"AIRFLOW_HOME": HOME, "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS)}
os.environ["AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT"] = "300"  # a busy machine is no failure


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCluster]:
    with run_cluster(tmp_path) as (fake, kubeconfig):
        monkeypatch.setenv("KUBECONFIG", kubeconfig)
        yield fake
