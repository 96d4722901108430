"""hello-hello by our operator, and many of it at once: scripts/bench/airflow_bench.py."""

import os
from datetime import timedelta

from airflow.sdk import DAG

from sparkyard.airflow import spark_job

QUEUED = int(os.environ.get("BENCH_QUEUED", "1"))

with DAG("bench_ours", schedule=None):
    spark_job("hello-hello")

# What finds the namespace's quota full is submitted again.
PATIENT = {"retries": 30, "retry_delay": timedelta(seconds=10)}
with DAG("bench_queue", schedule=None, max_active_tasks=QUEUED, default_args=PATIENT):
    for number in range(QUEUED):
        spark_job("hello-hello", task_id=f"hello-{number}")
