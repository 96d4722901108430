"""Upkeep of the lake's tables, every night: small files made large ones, old snapshots and lost files away."""

from airflow.sdk import DAG, Param

from sparkyard.airflow import YARD, param, spark_job

PARAMS = {"keep_days": Param(7, type="integer", minimum=1, description="days that every snapshot is kept")}

with DAG("lake_upkeep", schedule="30 1 * * *", params=PARAMS, doc_md=__doc__, **YARD):
    for job in ("lake-upkeep", "lake-upkeep-raw"):
        spark_job(job, "--keep-days", param("keep_days"))
