"""Losses of a catastrophe model, every night: from the Windows share to raw, to tables, to answers, to the SQL database."""

from airflow.sdk import DAG, Param

from sparkyard.airflow import YARD, param, spark_job, summary

PARAMS = {
    "share": Param("risk", type="string", description="the share; its claim is the one that manifests/jobs/share-land.yaml mounts"),
    "connection": Param("results", type="string", description="where to publish: <name>.toml among the SQL connections"),
}
ANSWERS = {"losses_curves": "losses-curves", "losses_top_events": "losses-top-events"}

with DAG("losses_nightly", schedule="0 2 * * *", params=PARAMS, doc_md=__doc__, **YARD):
    copied = spark_job("share-land", "--share", param("share"))
    landed = spark_job("losses-land", "--input", f"s3a://raw/{param('share')}/")
    done = summary()
    for table, job in ANSWERS.items():
        table_args = ("--table", f"yard.refined.{table}", "--to", param("connection"))
        publish = spark_job("sql-publish", *table_args, task_id=f"sql-publish-{job}")
        copied >> landed >> spark_job(job) >> publish >> done
