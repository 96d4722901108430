"""The usual: every question reads the gzip CSV files itself, in a session as `pyspark` gives it: usual.py PORT FOLDER MASTER HEAP

Tutorials infer the schema or write one down; here odd questions infer it and even ones declare it.
"""

import sys
from collections.abc import Callable
from functools import partial

from pyspark.sql import SparkSession
from questions import COLUMNS, READS, SQL
from worker import Rows, serve

WORDS = {"explode": "explode", "series": "sequence", "ignore_nulls": ", true"}


def start(master: str, heap: str) -> Callable[[], Rows]:
    SparkSession.builder.master(master).config("spark.driver.memory", heap).getOrCreate()
    return list


def ask(name: str, folder: str, master: str, heap: str) -> Callable[[], Rows]:
    start(master, heap)
    rows = answer(SparkSession.builder.getOrCreate(), name, folder)
    return lambda: rows


def answer(spark: SparkSession, name: str, folder: str) -> Rows:
    for table in READS[name]:
        declared, path = COLUMNS[table], f"{folder}/{table}"
        infers = int(name[1:]) % 2
        names = [column.split()[0] for column in declared.split(", ")]
        frame = spark.read.csv(path, inferSchema=True).toDF(*names) if infers else spark.read.csv(path, schema=declared)
        frame.createOrReplaceTempView(table)
    return [list(row) for row in spark.sql(SQL[name].format(**WORDS)).collect()]


if __name__ == "__main__":
    port, folder, *size = sys.argv[1:]
    serve(int(port), {"start": partial(start, *size)} | {name: partial(ask, name, folder, *size) for name in SQL})
