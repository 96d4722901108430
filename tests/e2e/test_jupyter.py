"""A hub of the test's own: two people at once, their cells on executors of their own, and neither in the other's way."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml
from e2e.hub import RELEASE, SPACE, USERS, Hub, Kernel, make_values, read_secret

from sparkyard.helm import Helm
from sparkyard.kube import forward
from sparkyard.names import JUPYTER_SERVICE, NOTEBOOK_USER_LABEL, PLATFORM_NAMESPACE
from sparkyard.project import ROOT
from sparkyard.runs.values import load_images

# `long` until the whole of it has been seen to pass: so far login, spawn and kernels have, cells on executors have not
pytestmark = [pytest.mark.cluster, pytest.mark.long]
Object = dict[str, Any]
CHART = ROOT / "charts" / "jupyterhub"
COURSE = ROOT / "notebooks"


@pytest.fixture(scope="module")
def hub(yard: Any) -> Iterator[Hub]:
    """Installed for this module beside the platform, whose settings and lake it uses; taken away with all that people made."""
    helm = Helm(yard.kubeconfig)
    yard.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(make_surroundings(yard)))
    helm.upgrade(RELEASE, CHART, make_values(load_images()), RELEASE, 300)
    yard.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(make_lake_access(yard)))
    try:
        for name in ("jupyter-hub", "jupyter-proxy"):
            yard.kubectl("rollout", "status", f"deployment/{name}", "-n", RELEASE, "--timeout=240s")
        token = read_secret(yard.kube, RELEASE, "jupyter-hub")["serviceToken"]
        with forward(yard.kube, RELEASE, service=JUPYTER_SERVICE, port=8000) as port:
            yield Hub(port, token)
    finally:
        helm.uninstall(RELEASE, RELEASE, 120)
        yard.kubectl("delete", "networkpolicy", RELEASE, "-n", PLATFORM_NAMESPACE)
        yard.kubectl("delete", "namespace", RELEASE, SPACE, "--timeout=180s")


def make_surroundings(yard: Any) -> list[Object]:
    """What the release of the platform would bring: its namespace and the settings of every job."""
    settings = yard.kube.get(f"/api/v1/namespaces/{PLATFORM_NAMESPACE}/configmaps/sparkyard-defaults")["data"]
    meta = {"name": "sparkyard-defaults", "namespace": RELEASE}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": RELEASE}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": settings},
    ]


def make_lake_access(yard: Any) -> list[Object]:
    """What lake.clientNamespaces would give: the reading role's Secrets here, and a door there."""
    keys, roles = (read_secret(yard.kube, PLATFORM_NAMESPACE, name) for name in ("lake-s3", "lake-postgresql"))
    service = (
        f"[yard]\nhost=lake-postgresql.{PLATFORM_NAMESPACE}.svc\nport=5432\ndbname=yard\nuser=yard_read\npassword={roles['yard_read']}\n"
    )
    door = {"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": SPACE}}}]}
    names = {"matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "In", "values": ["lake-s3", "lake-postgresql"]}]}
    return [
        make_secret("lake-s3-read", {"AWS_ACCESS_KEY_ID": "yard-read", "AWS_SECRET_ACCESS_KEY": keys["read"]}),
        make_secret("lake-catalog-read", {"pg_service.conf": service}),
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": RELEASE, "namespace": PLATFORM_NAMESPACE},
            "spec": {"podSelector": names, "policyTypes": ["Ingress"], "ingress": [door]},
        },
    ]


def make_secret(name: str, data: dict[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": SPACE}, "stringData": data}


@pytest.fixture(scope="module")
def kernels(hub: Hub) -> Iterator[dict[str, Kernel]]:
    """A server and a kernel for each person, started at the same time."""
    for user in USERS:
        hub.start(user)
    for user in USERS:
        hub.wait_for_server(user)
    opened = {user: hub.open_kernel(user) for user in USERS}
    yield opened
    for user, kernel in opened.items():
        kernel.close()
        hub.stop(user)


def list_executors(yard: Any, user: str) -> list[Object]:
    """Of every phase: one that has ended is to be gone as well."""
    selector = f"{NOTEBOOK_USER_LABEL}={user},spark-role=executor"
    return list(yard.kube.list(f"/api/v1/namespaces/{SPACE}/pods", labelSelector=selector))


def wait_for_no_executors(yard: Any, user: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while left := list_executors(yard, user):
        assert time.monotonic() < deadline, f"{[pod['metadata']['name'] for pod in left]} after {seconds:.0f} s"
        time.sleep(1)


def test_only_the_right_password_opens(yard: Any, hub: Hub) -> None:
    passwords = read_secret(yard.kube, RELEASE, "jupyter-passwords")
    assert hub.log_in("ann", passwords["ann"]).status_code == 302
    assert hub.log_in("ann", passwords["bob"]).status_code == 403
    assert hub.log_in("eve", passwords["ann"]).status_code == 403


def test_cells_run_on_executors_which_go(yard: Any, hub: Hub, kernels: dict[str, Kernel]) -> None:
    """Course 02, by both at once."""
    assert list_executors(yard, "ann") == [], "an opened notebook holds no executor"
    with ThreadPoolExecutor() as pool:
        answers = dict(zip(USERS, pool.map(lambda user: kernels[user].run_notebook(COURSE / "02-executors.ipynb"), USERS), strict=True))
    for user in USERS:
        assert "not started" in answers[user][0].text
        assert any("executor(s)" in shown for shown in answers[user][1].shown), "no progress in the cell"
        assert "hello 2" in answers[user][3].text
        wait_for_no_executors(yard, user)


def test_the_lake_is_there_to_read(yard: Any, kernels: dict[str, Kernel]) -> None:
    """Course 03."""
    if not yard.kube.find(f"/apis/sparkoperator.k8s.io/v1beta2/namespaces/{yard.namespace}/sparkapplications/events-windows"):
        yard.wait_for_end(yard.apply(ROOT / "manifests/jobs/events-windows.yaml"))
    answers = kernels["ann"].run_notebook(COURSE / "03-lake.ipynb")
    assert "yard.refined.events_windows" in answers[1].text
    refused = kernels["ann"].run("spark.sql('DROP TABLE yard.refined.events_windows')")
    assert refused.status == "error", "the reading role dropped a table"


ASK = """
import json, ssl, urllib.error, urllib.request
from pathlib import Path
account = Path("/var/run/secrets/kubernetes.io/serviceaccount")
def ask(method, path, body=None):
    headers = {"Authorization": "Bearer " + (account / "token").read_text(), "Content-Type": "application/json"}
    data = body and json.dumps(body).encode()
    request = urllib.request.Request("https://kubernetes.default.svc" + path, method=method, headers=headers, data=data)
    try:
        answer = urllib.request.urlopen(request, timeout=10, context=ssl.create_default_context(cafile=str(account / "ca.crt")))
        return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
"""


def test_two_people_are_kept_apart(yard: Any, hub: Hub, kernels: dict[str, Kernel]) -> None:
    bob = kernels["bob"]
    bob.must(ASK)
    pods = f"/api/v1/namespaces/{SPACE}/pods"
    listed = bob.must(f"print(ask('GET', '{pods}')[1])").text
    anns = next(pod for pod in json.loads(listed)["items"] if pod["metadata"]["name"] == "jupyter-ann")
    tokens = [entry for entry in anns["spec"]["containers"][0]["env"] if "TOKEN" in entry["name"]]
    assert len(tokens) == 2
    assert all("value" not in entry for entry in tokens), "bob can read ann's token in her pod"
    for method, path in (
        ("GET", f"/api/v1/namespaces/{SPACE}/secrets/notebook-token-ann"),
        ("DELETE", f"{pods}/jupyter-ann"),
        ("GET", f"{pods}/jupyter-ann/log"),
        ("GET", f"/api/v1/namespaces/{RELEASE}/pods"),
    ):
        assert bob.must(f"print(ask('{method}', '{path}')[0])").text.strip() in ("403", "422"), path
    connect = f"import socket; socket.create_connection(('{anns['status']['podIP']}', 8888), timeout=3)"
    assert bob.run(connect).status == "error", "bob's kernel reaches ann's server"
    refused = hub.client.get("/user/ann/api/kernels", headers={"Authorization": f"token {hub.make_token('bob')}"})
    assert refused.status_code in (403, 404)


def test_a_session_outlives_hub_and_proxy(yard: Any, hub: Hub, kernels: dict[str, Kernel]) -> None:
    ann = kernels["ann"]
    ann.must("kept = 42")
    for name in ("jupyter-hub", "jupyter-proxy"):
        yard.kubectl("delete", "pod", "-n", RELEASE, "-l", f"app.kubernetes.io/name={name}", "--wait=false")
        yard.kubectl("rollout", "status", f"deployment/{name}", "-n", RELEASE, "--timeout=120s")
    hub.wait(lambda: hub.client.get("/user/ann/api").status_code == 200, "ann's server is not reached again", 60)
    ann.connect()
    assert ann.must("print(kept)").text == "42\n"


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


def test_a_full_quota_is_told_in_the_cell(yard: Any, kernels: dict[str, Kernel]) -> None:
    ann = kernels["ann"]
    ann.must("spark.stop()")
    wait_for_no_executors(yard, "ann")
    patch_quota(yard, str(len(yard.kube.list(f"/api/v1/namespaces/{SPACE}/pods"))))
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(ann.must, f"{USE}")
        time.sleep(40)
        patch_quota(yard, "100")
        answer = waiting.result(180)
    assert any("the quota is full (pods" in text for text in answer.shown), answer.shown
    assert answer.text.strip().endswith("1000")


def patch_quota(yard: Any, pods: str) -> None:
    yard.kubectl("patch", "resourcequota", "notebooks", "-n", SPACE, "-p", json.dumps({"spec": {"hard": {"pods": pods}}}))


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
    assert ann.get_metric('sparkyard_notebook_executors{kernel="ended"}') == 0


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
