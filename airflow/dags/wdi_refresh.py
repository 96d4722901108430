"""World Development Indicators, every five minutes: asked for; landed and answered only when something new has come.

After a run that failed, and in one that is started without a date, of which Airflow knows no run before, all of it is done.
"""

from airflow.sdk import DAG, Param

from sparkyard.airflow import YARD, param, spark_job, spark_jobs
from sparkyard.airflow.news import anything_new

PARAMS = {
    "url": Param("https://databank.worldbank.org/data/download/WDI_CSV.zip", type="string", description="where the ZIP file is"),
    "years": Param("2000-2024", type="string", pattern=r"^\d{4}-\d{4}$", description="the first and the last, which counts"),
}

with DAG("wdi_refresh", schedule="*/5 * * * *", params=PARAMS, doc_md=__doc__, **YARD):
    ingest, land = spark_job("wdi-ingest", "--url", param("url")), spark_job("wdi-land", "--years", param("years"))
    ingest >> anything_new() >> land >> spark_job("wdi-means") >> spark_jobs("wdi-short-lives", "wdi-gaps")
