"""The same release with a pod for each task, by an upgrade that keeps the runs; and back again."""

from collections.abc import Iterator
from typing import Any

import pytest
from e2e.airflow_objects import RELEASE, make_values
from e2e.airflow_site import wait_for_processes

from sparkyard.helm import Helm
from sparkyard.project import ROOT

# not yet seen to pass
pytestmark = [pytest.mark.cluster, pytest.mark.long, pytest.mark.timeout(3600)]
PODS = f"/api/v1/namespaces/{RELEASE}/pods"


def use(yard: Any, executor: str) -> None:
    Helm(yard.kubeconfig).upgrade(RELEASE, ROOT / "charts" / "airflow", make_values() | {"executor": executor}, RELEASE, 300)
    wait_for_processes(yard)


@pytest.fixture
def runs(air: Any) -> set[str]:
    """One at least, of before."""
    assert air.run("e2e-quick")[0] == "success"
    return air.list_runs("e2e-quick")  # type: ignore[no-any-return]


@pytest.fixture
def in_pods(yard: Any, air: Any, runs: set[str]) -> Iterator[None]:
    use(yard, "KubernetesExecutor")
    yield
    use(yard, "LocalExecutor")


def list_task_pods(yard: Any) -> list[dict[str, Any]]:
    return list(yard.kube.list(PODS, labelSelector="app.kubernetes.io/name=airflow-task"))


def test_a_pod_for_each_task_and_runs_are_kept(yard: Any, air: Any, runs: set[str], in_pods: None) -> None:
    assert air.list_runs("e2e-quick") == runs
    run = air.trigger("e2e-quick")
    [pod] = air.wait(lambda: list_task_pods(yard), "no pod was made for the task", 180)
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert air.wait_for_end("e2e-quick", run) == "success"
    assert air.states("e2e-quick", run) == {"e2e-quick": "success"}
    assert air.xcom("e2e-quick", run, "e2e-quick")["state"] == "succeeded"
    air.wait(lambda: not list_task_pods(yard), "a task's pod stays", 120)
