"""The snapshot of the day before, every day: landed, compared with its neighbours, the history and the sales renewed, then a summary.

A run is for its own day whenever it runs. A back-fill lands a day each, in any order; a day that is run again with the same files changes
nothing, and one whose files were corrected puts its history right.
"""

from airflow.sdk import DAG, Param

from sparkyard.airflow import YARD, param, spark_job, summary
from sparkyard.airflow.dags import DAY_BEFORE

PARAMS = {
    "input": Param("s3a://raw/purchases/", type="string", description="the folder that holds a folder YYYY-MM-DD for each day"),
    "date": Param("", type="string", pattern=r"^(\d{4}-\d\d-\d\d)?$", description="YYYY-MM-DD; empty: the day before the run's"),
}

with DAG("purchases_daily", schedule="0 4 * * *", params=PARAMS, doc_md=__doc__, **YARD):
    land = spark_job("purchases-land", "--input", param("input"), "--date", DAY_BEFORE)
    land >> spark_job("purchases-history") >> spark_job("purchases-sales") >> summary()
