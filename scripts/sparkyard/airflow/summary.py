"""The last task of a run: what its jobs have done, in one table.

It fails when one of them did: as the last task it decides what the run is called.
"""

from typing import Any

from airflow.sdk import task
from airflow.sdk.exceptions import AirflowFailException

from sparkyard.airflow.links import report_address
from sparkyard.airflow.operator import RECORD


@task(trigger_rule="all_done", retries=0, on_failure_callback=None)  # of each failed job a notice was sent already
def summary(**context: Any) -> str:
    ti = context["ti"]
    records = {name: pull_record(ti, name) for name in sorted(context["task"].upstream_task_ids)}
    table = "\n".join(format_line(name, record) for name, record in records.items())
    print(f"{table}\nreport: {report_address(ti.dag_id, ti.run_id)}")
    fail_if_not_all_did(records)
    return table


def fail_if_not_all_did(records: dict[str, dict[str, Any]]) -> None:
    if bad := [name for name, record in records.items() if record.get("state") != "succeeded"]:
        raise AirflowFailException(f"not succeeded: {', '.join(bad)}")


def pull_record(ti: Any, name: str) -> dict[str, Any]:
    return ti.xcom_pull(task_ids=name) or ti.xcom_pull(task_ids=name, key=RECORD) or {}


def format_line(name: str, record: dict[str, Any]) -> str:
    rows = (record.get("rows") or {}).get("written")
    seconds, cause = record.get("times", {}).get("total"), (record.get("cause") or {}).get("message", "")
    cells = (name, record.get("state", "did not run"), f"{rows or 0:,} rows", f"{seconds or 0:.0f} s", ", ".join(record.get("tables", [])))
    return " · ".join(filter(None, (*cells, cause)))
