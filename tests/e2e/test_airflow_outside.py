"""An Airflow on a laptop, outside the cluster: with an address and a token of the chart's account, and nothing else of the cluster's."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow_local import run_airflow
from e2e.airflow_objects import RELEASE

from sparkyard.project import ROOT

pytestmark = [pytest.mark.cluster, pytest.mark.long, pytest.mark.timeout(3600)]


@pytest.fixture
def kubeconfig(yard: Any, air: Any, tmp_path: Path) -> str:
    """As a site's administrator hands it out."""
    known = json.loads(yard.kubectl("config", "view", "--raw", "--minify", "-o", "json").stdout)
    [context] = known["contexts"]
    token = yard.kubectl("create", "token", "airflow", "-n", RELEASE, "--duration=2h").stdout.strip()
    known["users"] = [{"name": context["context"]["user"], "user": {"token": token}}]
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(known))
    return str(file)


def test_an_airflow_of_a_laptop_runs_a_job_in_the_cluster(yard: Any, kubeconfig: str) -> None:
    right = ["auth", "can-i", "get", "secrets", "-n", yard.namespace, "--kubeconfig", kubeconfig]
    assert yard.kubectl(*right, check=False).stdout.strip() == "no"
    with run_airflow(ROOT / "airflow/dags", {"KUBECONFIG": kubeconfig}) as laptop:
        run = laptop.trigger("events_hourly")
        assert laptop.wait_for_end("events_hourly", run) == "success", laptop.log("events_hourly", run, "events-windows")
        assert laptop.states("events_hourly", run) == {"events-windows": "success"}
        assert laptop.xcom("events_hourly", run, "events-windows")["state"] == "succeeded"
        assert "RESULT" in laptop.log("events_hourly", run, "events-windows")
