"""An Airflow on this machine, outside every cluster: `airflow standalone` in an environment of its own, gone at the end (Linux)."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from airflow_api import AirflowApi

from sparkyard.project import ROOT

ENVIRONMENT = ["--isolated", "--frozen", "--no-default-groups", "--group", "airflow", "--python", sys.executable]
SECONDS_TO_STOP = 20


def make_environment(home: Path, dags: Path, port: int) -> dict[str, str]:
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "120",
        "AIRFLOW__CORE__PARALLELISM": "8",
        "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "180",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


@contextmanager
def run_airflow(dags: Path, more: Mapping[str, str] | None = None) -> Iterator["LocalAirflow"]:
    """`more` is added to its environment, such as KUBECONFIG."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="sparkyard-airflow-") as home, open(f"{home}/standalone.log", "wb") as log:
        env = os.environ | make_environment(Path(home), dags, port) | dict(more or {})
        command = [str(ROOT / "build/uv/bin/uv"), "run", *ENVIRONMENT, "--", "airflow", "standalone"]
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True)
        try:
            yield LocalAirflow(process.pid, f"http://127.0.0.1:{port}", Path(log.name))
        finally:
            end_session(process.pid)
            process.wait()


class LocalAirflow(AirflowApi):
    def __init__(self, session: int, address: str, log: Path) -> None:
        self.session, self.log_file = session, log
        super().__init__(address)
        self.wait(self._is_healthy, f"not healthy, see {log}", 300)
        self.ask("POST", "pools", json={"name": "spark", "slots": 64, "include_deferred": True})

    def _is_healthy(self) -> bool:
        parts = self.ask("GET", "monitor/health")
        return all(parts[name]["status"] == "healthy" for name in ("metadatabase", "scheduler", "triggerer", "dag_processor"))

    def memory(self, part: str) -> float:
        """MiB of a part and of what it has forked, pages that are shared counted once."""
        found = {pid: read_words(pid) for pid in list_session(self.session)}
        return sum(read_memory(pid) for pid, words in found.items() if f"airflow {part}" in words)


def list_session(session: int) -> list[int]:
    """Processes group themselves anew, and stay in their session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            words = stat.read_text().rpartition(")")[2].split()
            if int(words[3]) == session and words[0] != "Z":
                found.append(int(stat.parent.name))
    return found


def read_words(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return ""


def read_memory(pid: int) -> float:
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    return 0.0


def end_session(session: int) -> None:
    deadline = time.monotonic() + SECONDS_TO_STOP
    while left := list_session(session):
        kind = signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, kind)
        time.sleep(1)
