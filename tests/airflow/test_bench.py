"""`make bench-airflow` and the tests on a cluster in small: their DAGs can be read, and what is measured is told as it was."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("airflow.sdk", reason="no Airflow here: make test runs these with the group airflow")
from sparkyard.project import ROOT

sys.path.insert(0, str(ROOT / "scripts" / "bench"))
import airflow_bench as bench
from airflow_clock import count_waiting


@pytest.mark.parametrize("folder", ["scripts/bench/airflow_dags", "tests/e2e/airflow_dags"])
def test_their_dags_can_be_read(folder: str) -> None:
    from airflow.dag_processing.dagbag import DagBag

    found = DagBag(str(ROOT / folder))
    assert found.import_errors == {}
    assert len(found.dags) > 2
    assert folder.startswith("tests") or found.dags.keys() == {*bench.SIDES, "bench_queue"}


def test_overheads_are_medians_and_the_ratio_is_of_both(capsys: pytest.CaptureFixture[str]) -> None:
    ours, provider, deferred = bench.SIDES
    bench.print_overheads({ours: [(1.0, 1.0), (1.0, 2.0), (9.0, 9.0)], provider: [(2.0, 4.0)], deferred: [(2.0, 10.0)]})
    shown = capsys.readouterr().out
    assert "bench_ours                   1.00     2.00     3.00" in shown
    assert f"ratio ours / {provider}: 0.50" in shown
    assert f"ratio ours / {deferred}: 0.25" in shown


def test_what_each_job_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(name: str, state: str) -> dict[str, Any]:
        return {"metadata": {"name": name}, "status": {"applicationState": {"state": state}}}

    apps = [make("a", ""), make("b", "SUBMITTED"), make("c", "RUNNING"), make("d", "RUNNING"), make("e", "COMPLETED"), make("other", "")]
    phases = {"b": "Pending", "c": "Running", "d": "Succeeded", "e": "Succeeded"}
    pods = [{"metadata": {"name": f"{name}-driver"}, "status": {"phase": phase}} for name, phase in phases.items()]
    kube: Any = SimpleNamespace(list=lambda path: apps if "sparkapplications" in path else pods)
    told = ["for the operator", "for room on a node", "for its own work", "for the operator to see its end"]
    assert count_waiting(kube, set("abcde")) == dict.fromkeys(told, 1)
