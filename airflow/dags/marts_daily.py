"""City marts of the day before, at 02:00, on what is rented for the night: events are moved, then three answers side by side.

A run is for its own day whenever it runs, so a day that is run again, or back-filled, replaces that day alone.
"""

from airflow.sdk import DAG, Param

from sparkyard.airflow import YARD, param, spark_job
from sparkyard.airflow.dags import DAY_BEFORE
from sparkyard.airflow.rent import rented

PARAMS = {
    "date": Param("", type="string", pattern=r"^(\d{4}-\d\d-\d\d)?$", description="YYYY-MM-DD; empty: the day before the run's"),
    "depth": Param(60, type="integer", minimum=0, maximum=150, description="so many days before it are read, too"),
    "node_label": Param("", type="string", description="jobs run on nodes whose label sparkyard.dev/pool says this; empty: anywhere"),
}

with DAG("marts_daily", schedule="0 2 * * *", params=PARAMS, doc_md=__doc__, **YARD):
    words = ("--date", DAY_BEFORE, "--depth", param("depth"))
    place = {"node_selector": {"sparkyard.dev/pool": param("node_label")}}
    move = spark_job("marts-mover", *words, **place)
    marts = [spark_job(f"marts-{mart}", *words, **place) for mart in ("users", "zones", "friends")]
    move >> marts
    rented(move, *marts)
