"""Installing: what a site was given is not lost, what is the site's own is left alone, and each workload is told once when it is ready."""

import base64
import json
from types import SimpleNamespace
from typing import Any

import pytest

from sparkyard.errors import UsageError
from sparkyard.helm import Helm
from sparkyard.kube.workloads import Workload
from sparkyard.runs import install
from sparkyard.runs.install import wait_for_workloads
from sparkyard.runs.logins import Login
from sparkyard.runs.values import InstallRequest


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


class Site:
    """A cluster with a release on it, or none: what is asked of it, in order."""

    def __init__(self, given: dict[str, Any], namespace: bool = True) -> None:
        self.asked: list[str] = []
        self.host, self.kubeconfig, self.values = "https://site", None, given
        self.namespace = namespace
        self.secrets: dict[str, dict[str, str]] = {}
        self.made: dict[str, dict[str, str]] = {}  # by the next upgrade
        self.report = install.Report()

    def get(self, path: str) -> dict[str, Any]:
        return {"gitVersion": "v1.35.0"}

    def find(self, path: str) -> dict[str, Any] | None:
        if "/secrets/" in path:
            data = self.secrets.get(path.rsplit("/", 1)[-1])
            return None if data is None else {"data": {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}}
        return {} if self.namespace else None

    def apply(self, path: str, body: dict[str, Any]) -> None:
        self.asked.append(path.rsplit("/", 2)[-2])

    def given(self, release: str, namespace: str) -> dict[str, Any]:
        return self.values

    def update_dependencies(self, chart: Any) -> None:
        pass

    def notes(self, release: str, namespace: str) -> str:
        return ""

    def upgrade(self, release: str, chart: Any, values: dict[str, Any], *_: Any, create_namespace: bool) -> int:
        self.asked.append("upgrade")
        self.values = values
        self.secrets |= self.made
        return 2


def run_install(monkeypatch: pytest.MonkeyPatch, site: Site, *settings: str, **words: bool) -> Site:
    def apply_crds(kube: Any) -> int:
        site.asked.append("crds")
        return 3

    monkeypatch.setattr(install, "Kube", lambda: site)
    monkeypatch.setattr(install, "Helm", lambda kubeconfig: site)
    monkeypatch.setattr(install, "apply_crds", apply_crds)
    monkeypatch.setattr(install, "wait_for_workloads", lambda *_: install.Report())
    site.report = install.install(InstallRequest(settings=["global.images.spark=r/spark:1", *settings], **words), lambda line: None)
    return site


def test_a_first_installation_applies_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_install(monkeypatch, Site({}, namespace=False)).asked == ["crds", "namespaces", "upgrade"]


def test_a_command_that_would_reset_the_site_changes_nothing_and_says_the_ways_on(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site({"global": {"shares": [{"name": "risk"}]}, "airflow": {"enabled": False}})
    with pytest.raises(UsageError, match=r"(?s)airflow\.enabled.*global\.shares.*--reuse-values.*--forget-values"):
        run_install(monkeypatch, site, "lake.enabled=false")
    assert site.asked == []
    kept = run_install(monkeypatch, site, "lake.enabled=false", reuse=True).values
    assert (kept["airflow"], kept["lake"], kept["global"]["shares"]) == ({"enabled": False}, {"enabled": False}, [{"name": "risk"}])
    dropped = run_install(monkeypatch, site, "lake.enabled=false", forget=True).values
    assert "airflow" not in dropped
    with pytest.raises(UsageError, match="contradict"):
        run_install(monkeypatch, site, reuse=True, forget=True)


def test_passwords_are_news_when_they_are_made_and_not_again(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site({})
    site.secrets = {"jupyter-passwords": {"ann": "of-old"}}
    site.made = {
        "jupyter-passwords": {"ann": "of-old", "bob": "bobs"},
        "airflow": {"passwords.json": json.dumps({"admin": "admins"}), "jwt-key": "k"},
    }
    assert run_install(monkeypatch, site).report.new_logins == {Login("notebooks", "bob", "bobs"), Login("Airflow", "admin", "admins")}
    assert run_install(monkeypatch, site).report.new_logins == set()


def test_crds_of_a_sites_own_operator_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "crds" not in run_install(monkeypatch, Site({}), "spark-operator.enabled=false").asked


@pytest.mark.parametrize(("there", "asked"), [(True, ["crds", "upgrade"]), (False, ["crds", "namespaces", "upgrade"])])
def test_a_namespace_of_the_sites_own_is_left_alone(monkeypatch: pytest.MonkeyPatch, there: bool, asked: list[str]) -> None:
    assert run_install(monkeypatch, Site({}, there), "global.createNamespaces=false").asked == asked


def test_what_was_given_is_that_of_the_last_attempt_that_went_well() -> None:
    def make_revision(number: int, status: str) -> Any:
        async def values() -> dict[str, int]:
            return {"n": number}

        return SimpleNamespace(revision=number, status=SimpleNamespace(value=status), values=values)

    class Told(Helm):
        def __init__(self, *statuses: str) -> None:
            self.revisions = [make_revision(number, status) for number, status in enumerate(statuses, 1)]

        def find(self, release: str, namespace: str) -> Any:
            async def history() -> list[Any]:
                return self.revisions

            return SimpleNamespace(release=SimpleNamespace(history=history)) if self.revisions else None

    assert Told("superseded", "deployed", "failed").given("r", "n") == {"n": 2}
    assert Told("superseded", "superseded", "failed").given("r", "n") == {"n": 2}
    assert Told("failed").given("r", "n") == Told().given("r", "n") == {}
