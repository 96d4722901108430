"""Jobs as tasks of Apache Airflow: what a DAG needs. Nothing here works at import; the cluster is asked when a task runs."""

from sparkyard.airflow.dags import YARD, param, spark_job, spark_jobs
from sparkyard.airflow.operator import SparkJobOperator
from sparkyard.airflow.summary import summary

__all__ = ["YARD", "SparkJobOperator", "param", "spark_job", "spark_jobs", "summary"]
