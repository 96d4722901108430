"""Readings of sensors, every hour: what is new is landed, then the catalogue of what sensors send, when it has changed."""

from airflow.sdk import DAG, Param

from sparkyard.airflow import YARD, param, spark_job

PARAMS = {"input": Param("s3a://raw/sensors/", type="string", description="the folder that holds a folder for each day")}

with DAG("sensors_hourly", schedule="@hourly", params=PARAMS, doc_md=__doc__, **YARD):
    spark_job("sensors-land", "--input", param("input")) >> spark_job("sensors-catalogue")
