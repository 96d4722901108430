"""Airflow's REST API as a person's script uses it; for the measurements here and for the tests."""

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx

Object = dict[str, Any]
OVER = ("success", "failed")


class AirflowApi:
    def __init__(self, address: str, password: str = "") -> None:
        """Without a password everybody is the administrator."""
        self.address, self.password = address, password
        self.client = httpx.Client(base_url=address, timeout=60)
        self.wait(self._log_in, "no login", 300)

    def _log_in(self) -> bool:
        body = {"json": {"username": "admin", "password": self.password}} if self.password else {}
        try:
            answer = self.client.request("POST" if body else "GET", "/auth/token", **body)
        except httpx.HTTPError:
            return False
        if answer.is_success:
            self.client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return answer.is_success

    def ask(self, method: str, path: str, **fields: Any) -> Any:
        """Through a restart of the server, which a fault may be."""
        for _ in range(60):
            try:
                answer = self.client.request(method, f"/api/v2/{path}", **fields)
                break
            except httpx.HTTPError as error:
                why = error
                time.sleep(1)
        else:
            raise AssertionError(f"{method} {path}: Airflow's server did not answer for a minute: {why}")
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:1000]}"
        return answer.json() if answer.content else None

    def wait(self, done: Callable[[], Any], words: str, timeout: float) -> Any:
        deadline = time.monotonic() + timeout
        while not (found := done()):
            assert time.monotonic() < deadline, f"{words} after {timeout:.0f} s"
            time.sleep(1)
        return found

    def trigger(self, dag: str, at: datetime | None = None, **conf: Any) -> str:
        """The run's id; only a run with a date has one before it."""
        self.wait(lambda: dag in self.list_dags(), f"there is no DAG {dag}", 180)
        self.ask("PATCH", f"dags/{dag}", json={"is_paused": False})
        return str(self.ask("POST", f"dags/{dag}/dagRuns", json={"logical_date": at and at.isoformat(), "conf": conf})["dag_run_id"])

    def list_dags(self) -> set[str]:
        return {dag["dag_id"] for dag in self.ask("GET", "dags", params={"limit": 100})["dags"]}

    def run(self, dag: str, timeout: float = 600, **conf: Any) -> tuple[str, dict[str, str]]:
        """State of the run and of each task."""
        run = self.trigger(dag, **conf)
        return self.wait_for_end(dag, run, timeout), self.states(dag, run)

    def list_runs(self, dag: str) -> set[str]:
        return {run["dag_run_id"] for run in self.ask("GET", f"dags/{dag}/dagRuns", params={"limit": 100})["dag_runs"]}

    def wait_for_end(self, dag: str, run: str, timeout: float = 600) -> str:
        deadline = time.monotonic() + timeout
        while (state := self.ask("GET", f"dags/{dag}/dagRuns/{run}")["state"]) not in OVER:
            assert time.monotonic() < deadline, f"{dag} {run} is not over after {timeout:.0f} s: {self.states(dag, run)}"
            time.sleep(1)
        return str(state)

    def states(self, dag: str, run: str) -> dict[str, str]:
        return {task["task_id"]: str(task["state"]) for task in self.tasks(dag, run)}

    def tasks(self, dag: str, run: str) -> list[Object]:
        return list(self.ask("GET", f"dags/{dag}/dagRuns/{run}/taskInstances", params={"limit": 100})["task_instances"])

    def wait_for_state(self, dag: str, run: str, task: str, state: str, timeout: float = 180) -> None:
        self.wait(lambda: self.states(dag, run).get(task) == state, f"{task} of {dag} is not {state}", timeout)

    def log(self, dag: str, run: str, task: str, attempt: int = 1) -> str:
        return json.dumps(self.ask("GET", f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/{attempt}", params={"full_content": True}))

    def xcom(self, dag: str, run: str, task: str, key: str = "return_value") -> Any:
        return self.ask("GET", f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/xcomEntries/{key}")["value"]
