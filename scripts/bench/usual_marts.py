"""The usual for marts: every question reads the events itself, with the schema that is inferred, and joins each with every city, of which a
window keeps the nearest; people are paired by channel before any distance is known: usual_marts.py PORT FOLDER MASTER HEAP
"""

import sys
from collections.abc import Callable
from functools import partial

from families_sql import CITIES, FLAT, MARTS, km
from pyspark.sql import SparkSession
from worker import Rows, serve

WORDS = {
    "local": "from_utc_timestamp",
    "joined": "array_join(transform(array_sort(collect_list(struct(time, message_id, city))), visit -> visit.city), '>')",
    "epoch": "to_unix_timestamp",
}
NAMES = ("city_id", "city", "timezone")
EVENTS = f"""
    WITH numbered AS (SELECT *, monotonically_increasing_id() AS n FROM flat),
         far AS (SELECT *, {km("lat", "lon", "city_lat", "city_lon")} AS km FROM numbered CROSS JOIN ({CITIES})),
         ranked AS (SELECT *, row_number() OVER (PARTITION BY n ORDER BY km, city_id) AS nearest FROM far)
    SELECT event_type, date, lat, lon, user_id, time, message_id, message_to, channel,
           {", ".join(f"CASE WHEN lat IS NOT NULL THEN {name} END AS {name}" for name in NAMES)}
    FROM ranked WHERE nearest = 1"""


def start(master: str, heap: str) -> Callable[[], Rows]:
    builder = SparkSession.builder.master(master).config("spark.driver.memory", heap)
    builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()  # that every side means the same times
    return list


def ask(name: str, folder: str, master: str, heap: str) -> Callable[[], Rows]:
    start(master, heap)
    spark = SparkSession.builder.getOrCreate()
    spark.read.parquet(f"{folder}/events").createOrReplaceTempView("raw")
    spark.sql(f"SELECT {FLAT} FROM raw").createOrReplaceTempView("flat")
    for cities in ("geo", "timezones"):
        spark.read.csv(f"{folder}/{cities}.csv", sep=";", header=True, inferSchema=True).createOrReplaceTempView(cities)
    spark.sql(EVENTS).createOrReplaceTempView("events")
    rows = [list(row) for row in spark.sql(MARTS[name].format(**WORDS)).collect()]
    return lambda: rows


if __name__ == "__main__":
    port, folder, *size = sys.argv[1:]
    serve(int(port), {"start": partial(start, *size)} | {name: partial(ask, name, folder, *size) for name in MARTS})
