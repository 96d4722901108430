"""Open and close events in windows of ten minutes, every hour."""

from airflow.sdk import DAG, Param

from sparkyard.airflow import YARD, param, spark_job

PARAMS = {
    "input": Param("s3a://raw/events/", type="string", description="a folder or a file; {day} in it is the day of the run"),
    "top": Param(10, type="integer", minimum=1, maximum=50, description="how many of the fullest windows to tell of"),
}

with DAG("events_hourly", schedule="@hourly", params=PARAMS, doc_md=__doc__, **YARD):
    spark_job("events-windows", "--input", param("input"), "--top", param("top"))
