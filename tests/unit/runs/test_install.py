"""Waiting for the platform: each workload is told once when it is ready, and silence is broken with the reason."""

import pytest

from sparkyard.kube.workloads import Workload
from sparkyard.runs import install
from sparkyard.runs.install import wait_for_workloads


def make(name: str, ready: bool) -> Workload:
    return Workload("Deployment", "n", name, ready, "1/1" if ready else "0/1", {})


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(install.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(install, "explain_workload", lambda kube, workload: "no image")
    return monkeypatch


def wait(monkeypatch: pytest.MonkeyPatch, *looks: list[Workload], timeout: float = 60) -> tuple[install.Report, list[str]]:
    remaining = iter(looks)
    last = looks[-1]
    monkeypatch.setattr(install, "list_workloads", lambda kube, release: next(remaining, last))
    told: list[str] = []
    return wait_for_workloads(None, timeout, told.append), told  # type: ignore[arg-type]


def test_each_is_told_once(cluster: pytest.MonkeyPatch) -> None:
    report, told = wait(cluster, [make("a", True), make("b", False)], [make("a", True), make("b", True)])
    assert [line.split()[2] for line in told] == ["n/a", "n/b"]
    assert not report.waiting


def test_one_that_falls_back_is_told_again(cluster: pytest.MonkeyPatch) -> None:
    a, b = make("a", True), make("b", False)
    _, told = wait(cluster, [a, b], [make("a", False), b], [a, make("b", True)])
    assert [line.split()[2] for line in told] == ["n/a", "n/a", "n/b"]


def test_silence_is_broken_with_the_reason(cluster: pytest.MonkeyPatch) -> None:
    cluster.setattr(install, "SILENCE", 0)
    _, told = wait(cluster, [make("a", False)], [make("a", False)], [make("a", True)])
    assert "  waits  deployment n/a: no image" in told


def test_what_is_never_ready_is_reported_with_the_reason(cluster: pytest.MonkeyPatch) -> None:
    report, _ = wait(cluster, [make("a", False), make("b", True)], timeout=0)
    assert report.waiting == {"deployment n/a": "no image"}
    assert [workload.name for workload in report.ready] == ["b"]
