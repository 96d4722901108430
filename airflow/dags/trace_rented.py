"""The trace's questions on what is rented for the night: started, waited for, used, told of with its cost, given back whatever happened.

What is rented, a site says in rentalSecret of charts/airflow; nothing, where it says nothing.
"""

from airflow.sdk import DAG, Param

from sparkyard.airflow import YARD, param, spark_job
from sparkyard.airflow.rent import rented

PARAMS = {
    "input": Param("s3a://raw/trace/", type="string", description="the folder that holds machine_events/ and the others"),
    "node_label": Param("", type="string", description="jobs run on nodes whose label sparkyard.dev/pool says this; empty: anywhere"),
}
QUESTIONS = ("trace-q7-request-vs-use", "trace-q9-hours", "trace-q10-overcommit")

with DAG("trace_rented", schedule=None, params=PARAMS, doc_md=__doc__, **YARD):
    place = {"node_selector": {"sparkyard.dev/pool": param("node_label")}}
    land = spark_job("trace-land", "--input", param("input"), **place)
    questions = [spark_job(question, **place) for question in QUESTIONS]
    land >> questions
    rented(land, *questions)
