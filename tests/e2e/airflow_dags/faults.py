"""A DAG for each job with a fault of tests/e2e/airflow_faults.py, and how often it is tried again."""

from datetime import timedelta

from airflow.sdk import DAG

from sparkyard.airflow import YARD, spark_job

CASES = {"quick": 0, "slow": 0, "wrong-argument": 3, "no-input": 0, "no-memory": 0, "no-image": 0, "too-large": 0, "full-quota": 1}

for name, retries in CASES.items():
    with DAG(f"e2e-{name}", schedule=None, **YARD):
        spark_job(f"e2e-{name}", retries=retries, retry_delay=timedelta(seconds=5), stuck_after=20 if name == "no-image" else 120)
