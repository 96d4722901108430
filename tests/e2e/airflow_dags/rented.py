"""A rented run whose bill cannot be made: tests/e2e/test_airflow_rent.py."""

from airflow.sdk import DAG

from sparkyard.airflow import YARD, rent, spark_job


def fail(records):
    raise ZeroDivisionError("no bill")


rent.add_costs = fail  # for this file's tasks: each reads it in a process of its own
with DAG("e2e-rented", schedule=None, **YARD):
    rent.rented(spark_job("e2e-quick", retries=0))
