"""The Google cluster trace, every day: landed, then eleven questions side by side, as many as the pool `spark` lets, then a summary."""

from airflow.sdk import DAG, Param

from sparkyard.airflow import YARD, param, spark_job, spark_jobs, summary

PARAMS = {"input": Param("s3a://raw/trace/", type="string", description="the folder that holds machine_events/ and the others")}
QUESTIONS = (
    "trace-q1-machines-by-cpu",
    "trace-q2-maintenance-loss",
    "trace-q3-scheduling-classes",
    "trace-q4-evictions",
    "trace-q5-capacity-vs-evictions",
    "trace-q6-job-spread",
    "trace-q7-request-vs-use",
    "trace-q8-peaks-vs-evictions",
    "trace-q9-hours",
    "trace-q10-overcommit",
    "trace-q11-maintenance-by-class",
)

with DAG("trace_daily", schedule="0 3 * * *", params=PARAMS, doc_md=__doc__, **YARD):
    land = spark_job("trace-land", "--input", param("input"))
    land >> spark_jobs(*QUESTIONS) >> summary()
