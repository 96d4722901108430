"""Executors come to a notebook's cells, say why they do not, and go within a minute of their kernel's end, however it ended."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from e2e.hub import SPACE, Hub, Kernel, list_executors, wait_for_no_executors

pytestmark = [pytest.mark.cluster, pytest.mark.long]
USE = "spark.range(1000).repartition(2).count()"
KILL = """
import os, signal, subprocess, threading
def kill(*pids):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
java = [int(path.split("/")[2]) for path in __import__("glob").glob("/proc/[0-9]*/comm") if open(path).read() == "java\\n"]
"""


def test_the_spark_ui_leads_to_its_executors_page(yard: Any, hub: Hub, kernels: dict[str, Kernel]) -> None:
    ann = kernels["ann"]
    shown = ann.must(f"spark.stop()\n{USE}").shown
    path = next(text.removeprefix("Spark UI: ") for text in shown if text.startswith("Spark UI: "))
    assert "Executors" in hub.client.get(f"{path}executors/").text
    moved = hub.client.get(path.rstrip("/"), follow_redirects=False)
    assert moved.headers["location"].endswith(f"{path}jobs/")
    [application] = hub.client.get(f"{path}api/v1/applications").json()
    executors = hub.client.get(f"{path}api/v1/applications/{application['id']}/allexecutors").json()
    assert {executor["id"] for executor in executors} > {"driver"}
    bob = {"Authorization": f"token {hub.make_token('bob')}"}
    assert hub.client.get(f"{path}executors/", headers=bob).status_code in (403, 404)


def test_sql_in_a_cell(kernels: dict[str, Kernel]) -> None:
    ann = kernels["ann"]
    ann.must("least = 3")
    shown = ann.must("%%sql few\nSELECT id, id * id AS square FROM range(6) WHERE id > :least ORDER BY id").shown
    assert any("4   16\n5   25\n2 row(s)" in text for text in shown), shown
    assert ann.must("few.count()").text == "2\n"
    wrong = ann.run("%sql SELECT nothing")
    assert "UNRESOLVED_COLUMN" in wrong.error
    assert "\tat " not in "\n".join(wrong.trace)


def test_a_full_quota_is_told_in_the_cell_and_is_nobody_else_s(yard: Any, kernels: dict[str, Kernel]) -> None:
    ann, bob = kernels["ann"], kernels["bob"]
    ann.must("spark.stop()")
    wait_for_no_executors(yard, "ann")
    patch_quota(yard, "ann", "1")  # her server is counted, and nobody else's pods
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(ann.must, f"{USE}")
        assert bob.must(USE).text.strip().endswith("1000")
        time.sleep(30)
        assert not list_executors(yard, "ann")
        patch_quota(yard, "ann", "40")
        answer = waiting.result(180)
    assert any("the quota is full (pods 1 of 1" in text for text in answer.shown), answer.shown
    assert answer.text.strip().endswith("1000")


def patch_quota(yard: Any, user: str, pods: str) -> None:
    """Of a person; the hub writes it anew when their server starts."""
    patch = json.dumps({"spec": {"hard": {"pods": pods}}})
    yard.kubectl("patch", "resourcequota", f"notebook-{user}", "-n", SPACE, "-p", patch)


def test_executors_go_when_their_kernel_is_restarted(yard: Any, kernels: dict[str, Kernel]) -> None:
    ann = kernels["ann"]
    ann.must(USE)
    assert list_executors(yard, "ann")
    ann.restart()
    wait_for_no_executors(yard, "ann")
    assert ann.must(USE).text.strip().endswith("1000")


def test_executors_go_when_their_kernel_is_killed(yard: Any, kernels: dict[str, Kernel]) -> None:
    ann = kernels["ann"]
    ann.must(USE)
    assert list_executors(yard, "ann")
    ann.must(KILL + "threading.Timer(0.5, kill, [os.getpid()]).start()")
    wait_for_no_executors(yard, "ann")


def test_executors_go_when_kernel_and_spark_are_killed_at_once_and_are_counted(yard: Any, hub: Hub, kernels: dict[str, Kernel]) -> None:
    kernels["ann"].close()
    ann = kernels["ann"] = hub.open_kernel("ann")
    ann.must(USE)
    before = ann.get_metric("sparkyard_notebook_orphans_total")
    ann.must(KILL + "threading.Timer(0.5, kill, [*java, os.getpid()]).start()")
    wait_for_no_executors(yard, "ann")
    assert ann.get_metric("sparkyard_notebook_orphans_total") > before
    hub.wait(lambda: ann.get_metric('sparkyard_notebook_executors{kernel="ended"}') == 0, "orphans are still counted as there", 30)


def test_executors_go_with_the_server_s_pod_and_files_stay(yard: Any, hub: Hub, kernels: dict[str, Kernel]) -> None:
    kernels["ann"].close()
    ann = hub.open_kernel("ann")
    ann.must(f"open('/home/spark/mine.txt', 'w').write('kept')\n{USE}")
    yard.kubectl("delete", "pod", "jupyter-ann", "-n", SPACE, "--wait=false")
    wait_for_no_executors(yard, "ann")
    hub.wait(lambda: not hub.get_server("ann"), "the hub has not noticed", 120)
    hub.start("ann")
    hub.wait_for_server("ann")
    kernels["ann"] = hub.open_kernel("ann")
    assert kernels["ann"].must("print(open('/home/spark/mine.txt').read())").text == "kept\n"
