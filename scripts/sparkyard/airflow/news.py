"""A task behind a job that looks for news: what follows it is skipped where there are none.

A run that failed half-way leaves news behind that the next one's job does not find again; so then nothing is skipped.
"""

from typing import Any

from airflow.sdk import task

from sparkyard.airflow.summary import pull_record


@task.short_circuit
def anything_new(**context: Any) -> bool:
    ti = context["ti"]
    written = sum((pull_record(ti, name).get("rows") or {}).get("written") or 0 for name in context["task"].upstream_task_ids)
    before = ti.get_previous_dagrun()
    print(f"{written} written; the run before: {before.state if before else 'none'}")
    return bool(written) or before is None or before.state != "success"
