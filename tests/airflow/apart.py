"""An executor for a test: a task is a process that has what its pod has in charts/airflow, and no word of the database."""

import json
import os
import subprocess
import sys
from typing import Any

from airflow.executors.base_executor import BaseExecutor


class Apart(BaseExecutor):
    running: Any
    supports_multi_team = False

    def start(self) -> None:
        self.processes: dict[Any, subprocess.Popen[bytes]] = {}
        self.given = json.loads(os.environ["APART"])

    def _process_workloads(self, workload_list: Any) -> None:
        for workload in workload_list:
            key = workload.ti.key
            self.queued_tasks.pop(key)
            self.running.add(key)
            command = [sys.executable, "-m", "airflow.sdk.execution_time.execute_workload", "--json-string", workload.model_dump_json()]
            self.processes[key] = subprocess.Popen(command, env=self.given)

    def sync(self) -> None:
        for key, process in list(self.processes.items()):
            if process.poll() is not None:
                del self.processes[key]
                (self.fail if process.returncode else self.success)(key)

    def end(self) -> None:
        self.terminate()

    def terminate(self) -> None:
        for process in self.processes.values():
            process.kill()
