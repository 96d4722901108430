"""Two people at once: their cells on executors of their own, the lake to read, and neither in the other's way."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from e2e.hub import RELEASE, SPACE, USERS, Hub, Kernel, ensure_events, list_executors, read_secret, wait_for_no_executors

from sparkyard.project import ROOT

pytestmark = [pytest.mark.cluster, pytest.mark.long]
COURSE = ROOT / "notebooks"


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
    ensure_events(yard)
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
    for kernel in kernels.values():  # the proxy has cut everybody's line
        kernel.connect()
    assert ann.must("print(kept)").text == "42\n"
