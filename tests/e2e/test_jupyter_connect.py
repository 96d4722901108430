"""A Spark Connect server that a team shares: answered at once, for members alone, through the door alone; its crash is told in the cell."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from e2e.hub import RELEASE, SPACE, Hub, Kernel, list_executors, upgrade, wait_for_no_executors

from sparkyard.names import JOBS_NAMESPACE, PLATFORM_NAMESPACE
from sparkyard.project import ROOT

pytestmark = [pytest.mark.cluster, pytest.mark.long]
OPERATOR = "spark-operator-controller"
SERVER = "connect-sales-server"
SMALL = {"server": {"cpu": "100m", "memory": "2Gi", "driverMemory": "512m"}, "executors": {"max": 1, "cores": 1, "memory": "512m"}}


@pytest.fixture(scope="module")
def connect(yard: Any, hub: Hub) -> Iterator[Kernel]:
    """The hub of the other files with a team, and dora's kernel there; the operator looks after its namespace meanwhile."""
    watched = watch_namespace(yard)
    try:
        upgrade(yard, "jupyter-connect", teams={"sales": {"users": ["dora"], **SMALL}})
        wait_for_server(yard)
        hub.start("dora")
        hub.wait_for_server("dora")
        kernel = hub.open_kernel("dora", "spark-connect")
        yield kernel
        kernel.close()
        hub.stop("dora")
    finally:
        upgrade(yard)
        set_arguments(yard, watched)
        yard.kubectl("delete", "role,rolebinding", OPERATOR, "-n", SPACE, "--ignore-not-found")


def watch_namespace(yard: Any) -> list[str]:
    """What teams in the platform's own release do; gives the arguments as they were."""
    for kind in ("roles", "rolebindings"):
        found = yard.kube.get(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{JOBS_NAMESPACE}/{kind}/{OPERATOR}")
        found = {key: found[key] for key in ("apiVersion", "kind", "rules", "roleRef", "subjects") if key in found}
        yard.kubectl("apply", "-f", "-", stdin=yaml.safe_dump({**found, "metadata": {"name": OPERATOR, "namespace": SPACE}}))
    deployment = yard.kube.get(f"/apis/apps/v1/namespaces/{PLATFORM_NAMESPACE}/deployments/{OPERATOR}")
    before = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    set_arguments(yard, [f"{word},{SPACE}" if word.startswith("--namespaces=") else word for word in before])
    return list(before)


def set_arguments(yard: Any, arguments: list[str]) -> None:
    patch = [{"op": "replace", "path": "/spec/template/spec/containers/0/args", "value": arguments}]
    yard.kubectl("patch", "deployment", OPERATOR, "-n", PLATFORM_NAMESPACE, "--type=json", "-p", json.dumps(patch))
    yard.kubectl("rollout", "status", f"deployment/{OPERATOR}", "-n", PLATFORM_NAMESPACE, "--timeout=240s")


def wait_for_server(yard: Any, other_than: str = "") -> str:
    """Until the server's pod is ready; its uid."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        pod = yard.kube.find(f"/api/v1/namespaces/{SPACE}/pods/{SERVER}") or {}
        ready = any(item["type"] == "Ready" and item["status"] == "True" for item in pod.get("status", {}).get("conditions", []))
        if ready and pod["metadata"]["uid"] != other_than:
            return str(pod["metadata"]["uid"])
        time.sleep(1)
    raise AssertionError(json.dumps(pod.get("status"))[:3000])


def test_a_member_is_answered_by_executors_which_go(yard: Any, connect: Kernel) -> None:
    assert "not started" in connect.must("spark").text
    answer = connect.must("spark.range(1000).repartition(2).count()").text
    assert "reached in" in answer
    assert answer.strip().endswith("1000")
    assert list_executors(yard, "connect--sales")
    wait_for_no_executors(yard, "connect--sales", 150)


def test_the_lake_sql_and_helpers_are_there(connect: Kernel) -> None:
    connect.must("least = 3")
    shown = connect.must("%%sql few\nSELECT id, id * id AS square FROM range(6) WHERE id > :least ORDER BY id").shown
    assert any("4   16\n5   25\n2 row(s)" in text for text in shown), shown
    assert "refined" in connect.must("print(yard.namespaces())").text
    wrong = connect.run("%sql SELECT nothing")
    assert "UNRESOLVED_COLUMN" in wrong.error


def test_who_is_in_no_team_is_refused(yard: Any, hub: Hub, connect: Kernel) -> None:
    hub.api("POST", "/users/cleo")
    stolen = f"""
import os
os.environ["JUPYTERHUB_API_TOKEN"], kept = {hub.make_token("cleo")!r}, os.environ["JUPYTERHUB_API_TOKEN"]
spark.stop()
"""
    connect.must(stolen)
    refused = connect.run("spark.range(1).count()")
    connect.must("os.environ['JUPYTERHUB_API_TOKEN'] = kept")
    assert "cleo may use the Connect server of no team" in "\n".join(refused.trace)
    assert connect.must("spark.range(1).count()").text.strip().endswith("1")


def test_a_notebook_reaches_the_door_and_not_the_server(yard: Any, connect: Kernel) -> None:
    pod = yard.kube.get(f"/api/v1/namespaces/{SPACE}/pods/{SERVER}")
    for port in (15002, 4040, 7078):
        ask = f"import socket; socket.create_connection(('{pod['status']['podIP']}', {port}), timeout=3)"
        assert connect.run(ask).status == "error", port


def test_a_crash_is_told_and_the_next_cell_runs(yard: Any, connect: Kernel) -> None:
    connect.must("spark.range(3).createOrReplaceTempView('mine')")
    before = wait_for_server(yard)
    yard.kubectl("delete", "pod", SERVER, "-n", SPACE, "--grace-period=0", "--force")
    wait_for_server(yard, before)
    told = connect.run("spark.table('mine').count()")
    assert "the Connect server" in "\n".join(told.trace), told.trace
    connect.must("spark.range(3).createOrReplaceTempView('mine')")
    assert connect.must("spark.table('mine').count()").text.strip().endswith("3")


def test_the_benchmark_sets_it_beside_the_other_kernels(yard: Any, hub: Hub, connect: Kernel) -> None:
    """The last one: it starts the person's server anew. The figures are kept as an artefact; on a busy machine they say little."""
    command = [sys.executable, str(ROOT / "scripts/bench/notebook.py"), "--pairs", "1", "--user", "dora", "--namespace", RELEASE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    report = ROOT / "build" / "e2e" / "jupyter" / "bench-notebook.txt"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(done.stdout)
    for side in ("ours", "connect"):
        assert f"{side}: spark to first row: " in done.stdout
