"""What was rented is gone again whatever happened: trace_rented by the real Airflow, against a cluster and an address of the test."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("airflow.sdk", reason="no Airflow here: make test runs these with the group airflow")
from rotation import rotating

from sparkyard.airflow import dags, lease, rent

OF_ALL = {"trace-land", "trace-q7-request-vs-use", "trace-q9-hours", "trace-q10-overcommit"}


class Pool:
    """An address that rents: what is there, and what it was asked."""

    def __init__(self) -> None:
        self.there: dict[str, int] = {}  # run: looks until it is ready
        self.asked: list[str] = []
        self.breaks = False  # it starts something, and then says that it could not

    def answer(self, method: str, run: str) -> tuple[int, dict[str, Any]]:
        self.asked.append(method)
        if method == "PUT":
            self.there.setdefault(run, 1)
            return (500, {"error": "half-way"}) if self.breaks else (201, {})
        if method == "DELETE":
            return (204 if self.there.pop(run, None) else 404), {}
        if run not in self.there:
            return 404, {}
        self.there[run] -= 1
        return 200, {"ready": self.there[run] < 0}


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    pool = Pool()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            assert self.headers["Authorization"] == "Bearer sesame"
            status, body = pool.answer(self.command, self.path.removeprefix("/night/"))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"" if status == 204 else json.dumps(body).encode())

        do_GET = do_PUT = do_DELETE = handle_any

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    rental = {"url": f"http://127.0.0.1:{server.server_port}/night", "token": "sesame"}
    monkeypatch.setenv("SPARKYARD_RENTAL", json.dumps(rental))
    monkeypatch.setattr(lease, "PAUSE", 0.05)
    yield pool
    server.shutdown()
    server.server_close()


def run() -> tuple[str, dict[str, str]]:
    """State of the run and of each task."""
    from airflow.dag_processing.dagbag import DagBag

    dag = DagBag(str(Path(__file__).resolve().parents[2] / "airflow" / "dags" / "trace_rented.py")).dags["trace_rented"]
    done = dag.test()
    return str(done.state), {ti.task_id: str(ti.state) for ti in done.get_task_instances()}


CASES = ("all well", "a job failed", "the start failed half-way", "the summary failed")


@pytest.mark.parametrize("case", rotating(CASES, ["scripts/sparkyard/airflow/rent.py", "scripts/sparkyard/airflow/lease.py"]))
def test_what_was_rented_is_given_back(case: str, database: None, pool: Pool, busy_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pool.breaks = case == CASES[2]
    if case == CASES[1]:
        busy_cluster.ends["trace-q9"] = ("FAILED", 1, {"status": "failed", "error": {"type": "UsageError", "message": "no"}})
    if case == CASES[3]:
        monkeypatch.setattr(rent, "add_costs", lambda records: 1 / 0)
    monkeypatch.setitem(dags.TASKS, "retries", 0)  # the DAG's file is read anew
    monkeypatch.setitem(rent.rent.kwargs, "retries", 0)
    state, tasks = run()
    assert pool.there == {}, "it is there still"
    assert pool.asked.count("DELETE") >= 1
    assert state == ("success" if case == "all well" else "failed")
    assert tasks == expect(case)


def expect(case: str) -> dict[str, str]:
    well = dict.fromkeys([*OF_ALL, "rent", "tell_cost", "give_back"], "success")
    different = {
        "all well": {},
        "a job failed": {"trace-q9-hours": "failed", "tell_cost": "failed"},
        "the start failed half-way": {"rent": "failed", "tell_cost": "failed"} | dict.fromkeys(OF_ALL, "upstream_failed"),
        "the summary failed": {"tell_cost": "failed"},
    }
    return well | different[case]
