"""An upgrade, asked of a real API server: no setting leads to a change that it refuses, and what was there before is kept."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from charts.apiserver import Api, run_apiserver
from charts.render import CHARTS, IMAGES, helm, pick, render

pytestmark = [pytest.mark.helm, pytest.mark.apiserver]
Object = dict[str, Any]
FIRST: Object = {"parallelism": 4}
OTHERS: list[Object] = [
    {"parallelism": 5},
    {"logs": {"size": "9Gi"}},
    {"logs": {"claim": "everybody"}},
    {"global": {"storageClass": "fast"}},
]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with run_apiserver("node", tmp_path_factory.mktemp("apiserver")) as api:
        names = ("sparkyard", "spark-jobs", "before")
        api.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names])
        yield api


@pytest.mark.parametrize("values", OTHERS, ids=[next(iter(values)) + str(number) for number, values in enumerate(OTHERS)])
def test_other_settings_change_what_may_be_changed(api: Api, values: Object) -> None:
    def sets(values: Object) -> list[Object]:
        return [item for item in render(values, chart="airflow") if item["kind"] == "StatefulSet"]

    api.apply(sets(FIRST))
    api.apply(sets(values), "--dry-run=server")


def render_there(api: Api, chart: str, namespace: str, tmp_path: Path) -> list[Object]:
    """As `helm upgrade` renders it, which sees what is there."""
    values = tmp_path / "values.json"
    values.write_text(json.dumps({"global": {"jobs": {"namespaces": ["spark-jobs"]}}}))
    files = [f"--values={path}" for path in (IMAGES, values)]
    cluster = ["--dry-run=server", f"--kubeconfig={api.kubeconfig}", f"--namespace={namespace}"]
    return [item for item in yaml.safe_load_all(helm("template", "sparkyard", str(CHARTS / chart), *files, *cluster)) if item]


def test_claims_of_logs_that_a_stateful_set_has_made_are_kept(api: Api, tmp_path: Path) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}
    meta = {"name": "logs-airflow-scheduler-0", "namespace": "before"}
    api.apply([{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec}])
    objects = render_there(api, "airflow", "before", tmp_path)
    used = {
        name: volume["persistentVolumeClaim"]["claimName"]
        for name in ("airflow-scheduler", "airflow-triggerer")
        for volume in pick(objects, "StatefulSet", name)["spec"]["template"]["spec"]["volumes"]
        if volume["name"] == "logs"
    }
    assert used == {"airflow-scheduler": "logs-airflow-scheduler-0", "airflow-triggerer": "airflow-triggerer-logs"}
    assert [item["metadata"]["name"] for item in objects if item["kind"] == "PersistentVolumeClaim"] == ["airflow-triggerer-logs"]


def test_the_drivers_class_keeps_the_value_that_it_was_given(api: Api, tmp_path: Path) -> None:
    assert pick(render_there(api, "jobs", "sparkyard", tmp_path), "PriorityClass", "sparkyard-driver")["value"] == 1000
    given = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "sparkyard-driver"}, "value": 2_000_000}
    api.apply([{**given, "preemptionPolicy": "Never"}])
    [found] = [item for item in render_there(api, "jobs", "sparkyard", tmp_path) if item["kind"] == "PriorityClass"]
    assert found["value"] == 2_000_000
    api.apply([found], "--force-conflicts")
