"""A cluster for a night: rented and waited for, used by the jobs of the run, told of, and given back whatever happened.

`rent` is a plain task on purpose. Were it a setup, its teardowns would not run when it fails half-way, and what it had started would stay.
Teardowns that may fail a run are its leaves: what the run is called hangs on them alone, so `tell_cost` fails when a job did.
"""

import hashlib
from datetime import timedelta
from typing import Any

from airflow.sdk import task
from airflow.sdk.exceptions import AirflowException

from sparkyard.airflow.operator import SparkJobOperator
from sparkyard.airflow.summary import fail_if_not_all_did, format_line, pull_record
from sparkyard.errors import YardError

GONE = 900.0  # seconds
COSTS = ("asked_core_hours", "asked_gib_hours", "used_core_hours", "used_gib_hours")


def rented(*jobs: SparkJobOperator) -> None:
    """The DAG's jobs run between the start and the end of what a site rents for the run: see lease.py."""
    start, bill, end = rent(), *(made().as_teardown(on_failure_fail_dagrun=True) for made in (tell_cost, give_back))
    for job in jobs:
        start >> job >> [bill, end]
    start >> [bill, end]


def name_run(context: Any) -> str:
    """Fit for names and labels of Kubernetes, the same in each try."""
    ti = context["ti"]
    return f"run-{hashlib.sha256(f'{ti.dag_id}/{ti.run_id}'.encode()).hexdigest()[:12]}"


@task(retries=1, retry_delay=timedelta(seconds=30))
def rent(**context: Any) -> str:
    from sparkyard.airflow.lease import get_patience, make_lease, wait_until

    run = name_run(context)
    try:
        lease = make_lease(run)
        lease.start()
        wait_until(lease.is_ready, f"what was rented as {run} is not ready", get_patience())
    except YardError as error:
        raise AirflowException(str(error)) from None
    return run


@task
def tell_cost(**context: Any) -> None:
    """What each job did and what the night cost."""
    ti = context["ti"]
    records = {name: pull_record(ti, name) for name in sorted(context["task"].upstream_task_ids - {"rent"})}
    print("\n".join(format_line(name, record) for name, record in records.items()))
    cost = add_costs(records.values())
    print("\n".join(f"{key.replace('_', ' ')}: {value:.3f}" for key, value in cost.items()))
    ti.xcom_push(key="cost", value=cost)
    fail_if_not_all_did(records)


def add_costs(records: Any) -> dict[str, float]:
    costs = [record.get("cost", {}) for record in records]
    return {key: round(sum(cost.get(key, 0.0) for cost in costs), 4) for key in COSTS}


@task
def give_back(**context: Any) -> None:
    from sparkyard.airflow.lease import is_given_back, make_lease, wait_until

    run = name_run(context)
    try:
        lease = make_lease(run)
        wait_until(lambda: is_given_back(lease), f"what was rented as {run} is still there", GONE)
    except YardError as error:
        raise AirflowException(str(error)) from None
