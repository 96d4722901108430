"""wdi_refresh by the real Airflow: what has landed is refined once, also when the run that landed it failed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("airflow.sdk", reason="no Airflow here: make test runs these with the group airflow")
from sparkyard.airflow import dags

pytestmark = pytest.mark.long
FILE = Path(__file__).resolve().parents[2] / "airflow" / "dags" / "wdi_refresh.py"
BEHIND = ("wdi-land", "wdi-means", "wdi-short-lives", "wdi-gaps")
FAILED = ("FAILED", 1, {"status": "failed", "error": {"type": "InputError", "message": "no"}})


def run(number: int) -> dict[str, str]:
    from airflow.dag_processing.dagbag import DagBag

    done = DagBag(str(FILE)).dags["wdi_refresh"].test(logical_date=datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=5 * number))
    return {ti.task_id: str(ti.state) for ti in done.get_task_instances()} | {"": str(done.state)}


def test_only_news_is_refined_and_never_lost(database: None, busy_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(dags.TASKS, "retries", 0)
    busy_cluster.ends["wdi-land"] = FAILED
    first = run(0)
    assert (first[""], first["wdi-land"], first["wdi-means"]) == ("failed", "failed", "upstream_failed")
    busy_cluster.ends = {"wdi-ingest": ("COMPLETED", 0, {"status": "ok", "rows": {"read": 0, "rejected": 0, "written": 0}})}
    second = run(1)
    assert {second[name] for name in BEHIND} == {"success"}, "what the run before had landed is refined"
    made = len(busy_cluster.created)
    third = run(2)
    assert (third[""], {third[name] for name in BEHIND}) == ("success", {"skipped"})
    assert len(busy_cluster.created) == made + 1, "nothing new is one application"
