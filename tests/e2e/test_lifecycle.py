"""Install, upgrade under a running job, rollback, uninstall: jobs go on, edits arrive, data stays."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sparkyard import lake
from sparkyard.helm import Helm
from sparkyard.names import PLATFORM_NAMESPACE
from sparkyard.project import ROOT
from sparkyard.runs import install as installation
from sparkyard.runs.cluster_lake import open_catalog
from sparkyard.runs.install import RELEASE, install
from sparkyard.runs.values import InstallRequest

pytestmark = pytest.mark.cluster
SLEEP = "import time; from pyspark.sql import SparkSession; SparkSession.builder.getOrCreate().range(10).count(); time.sleep(900)"
PRESET = "small-node"


@pytest.fixture
def restored(yard: Any) -> Iterator[None]:
    yield
    yard.sparkyard("install", "--preset", PRESET, "--forget-values", timeout=900)


def scrape_ports(yard: Any) -> list[int]:
    policy = yard.kube.get(f"/apis/networking.k8s.io/v1/namespaces/{yard.namespace}/networkpolicies/spark")
    return [port["port"] for rule in policy["spec"]["ingress"] for port in rule.get("ports", [])]


def test_installing_again_changes_nothing(yard: Any) -> None:
    pods = f"/api/v1/namespaces/{PLATFORM_NAMESPACE}/pods"
    before = {pod["metadata"]["uid"] for pod in yard.kube.list(pods)}
    done = yard.sparkyard("install", "--preset", PRESET)
    assert "workloads ready" in done.stdout
    assert "Next:" in done.stdout
    assert {pod["metadata"]["uid"] for pod in yard.kube.list(pods)} == before


def test_upgrade_and_rollback_leave_a_running_driver_alone(yard: Any, restored: None) -> None:
    yard.run_code("e2e-upgrade", SLEEP)
    driver = yard.wait_for_driver("e2e-upgrade")
    yard.sparkyard("install", "--preset", PRESET, "--set", "jobs.networkPolicies.scrapePorts=[4040, 8090, 9999]")
    assert 9999 in scrape_ports(yard)
    helm = Helm(yard.kubeconfig)
    revision = helm.find(RELEASE, PLATFORM_NAMESPACE).revision
    helm.rollback(RELEASE, PLATFORM_NAMESPACE, revision - 1)
    assert 9999 not in scrape_ports(yard)
    after = yard.wait_for_driver("e2e-upgrade")
    assert after["metadata"]["uid"] == driver["metadata"]["uid"]
    yard.delete("e2e-upgrade")


def test_an_edited_template_of_a_part_is_really_deployed(
    yard: Any, restored: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "charts", tmp_path / "charts")
    template = tmp_path / "charts/jobs/templates/edited.yaml"
    template.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: e2e-edited\n  namespace: spark-jobs\ndata: {edit: here}\n")
    monkeypatch.setattr(installation, "CHART", tmp_path / "charts/sparkyard")
    report = install(InstallRequest(presets=[PRESET]), tell=print)
    assert not report.waiting
    assert yard.kube.get(f"/api/v1/namespaces/{yard.namespace}/configmaps/e2e-edited")["data"] == {"edit": "here"}


def test_what_a_site_was_given_is_not_lost_by_a_command_without_it(yard: Any, restored: None) -> None:
    yard.sparkyard("install", "--preset", PRESET, "--set", "jobs.networkPolicies.scrapePorts=[4040, 8090, 9999]")
    refused = yard.sparkyard("install", "--preset", PRESET, code=2)
    assert "jobs.networkPolicies.scrapePorts" in refused.stderr
    assert "--reuse-values" in refused.stderr
    assert 9999 in scrape_ports(yard)
    yard.sparkyard("install", "--reuse-values", "--set", "history.enabled=true")
    assert 9999 in scrape_ports(yard)


def test_a_typo_in_values_is_refused_by_name(yard: Any) -> None:
    done = yard.sparkyard("install", "--preset", PRESET, "--set", "lake.postgresql.sotrage=1Gi", code=8)
    assert "sotrage" in done.stderr


@pytest.mark.long
def test_uninstalling_keeps_the_data(yard: Any, clean_events: None, restored: None) -> None:
    yard.sparkyard("upload", str(ROOT / "build/sample/events"), "--to", "raw/events")
    manifest = ROOT / "manifests/jobs/events-windows.yaml"
    assert yard.wait_for_end(yard.apply(manifest))["status"]["applicationState"]["state"] == "COMPLETED"
    before = windows_checksum(yard)
    kept = yard.sparkyard("uninstall").stdout
    assert "claim sparkyard/" in kept
    left = [pod["metadata"]["name"] for pod in yard.kube.list(f"/api/v1/namespaces/{PLATFORM_NAMESPACE}/pods")]
    assert left == []
    yard.sparkyard("install", "--preset", PRESET, timeout=900)
    assert windows_checksum(yard) == before


def windows_checksum(yard: Any) -> str:
    with open_catalog(yard.kube) as catalog:
        return lake.checksum(lake.load_table(catalog, "yard.refined.events_windows"))
