"""What DAGs of jobs have in common, so that a further family of jobs is a few lines."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sparkyard.airflow.notice import tell
from sparkyard.airflow.operator import SparkJobOperator

POOL = "spark"  # bounds what runs at once; it must count deferred tasks, or it bounds nothing
DAY = "(logical_date | default(dag_run.run_after, true)) | ds"  # also of a run that a person started, which has no logical date
DAY_BEFORE = f"{{{{ params.date or macros.ds_add({DAY}, -1) }}}}"  # of a DAG whose parameter `date` may be empty

# A failed run is tried again, later each time; a wrong argument is not (SparkJobOperator). Never a dagrun_timeout: it marks what still
# waits as skipped, teardowns too, where a task's own time-out cancels what it has started.
TASKS = {
    "retries": 3,
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(minutes=30),
    "execution_timeout": timedelta(hours=6),
    "on_failure_callback": tell,
}
YARD: dict[str, Any] = {
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "catchup": False,
    "max_active_runs": 1,
    "default_args": TASKS,
    "tags": ["sparkyard"],
}


def param(name: str) -> str:
    """A parameter of the run, as a job's argument; {day} in it is the day of the run."""
    return f"{{{{ params.{name} | string | replace('{{day}}', {DAY}) }}}}"


def spark_job(job: str, *arguments: str, **options: Any) -> SparkJobOperator:
    """A task that runs manifests/jobs/<job>.yaml; `arguments` come behind the manifest's own, and win."""
    return SparkJobOperator(job=job, arguments=arguments, **({"task_id": job, "pool": POOL} | options))


def spark_jobs(*jobs: str) -> list[SparkJobOperator]:
    return [spark_job(job) for job in jobs]
