"""Ours: the real jobs. Run by Spark's submit: ours.py PORT"""

import importlib
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from worker import Rows, serve

APPS = Path(__file__).resolve().parents[2] / "spark_apps" / "trace"
# What is compared: columns of the table, or facts of the result.
ROWS = {
    "q1": ["cpus", "machines", "share"],
    "q3": ["scheduling_class", "jobs", "tasks"],
    "q4": ["by", "value", "tasks", "evicted"],
    "q5": ["capacity", "machines", "evictions", "mean_evictions"],
    "q9": ["hour", "measurements", "mean_cpu", "mean_memory"],
    "q11": ["cpus", "machines", "machines_maintained", "share_of_time_away"],
}
FACTS = {
    "q2": ["share_lost", "times_away", "never_back"],
    "q6": ["jobs", "share_on_one_machine", "mean_machines"],
    "q7": ["measurements", "cpu_correlation", "memory_correlation"],
    "q8": ["machine_windows", "evictions", "cpu_correlation", "memory_correlation"],
    "q10": ["machine_points", "share_over_cpu", "share_over_memory", "share_over_either", "share_over_both"],
}


def start() -> Callable[[], Rows]:
    SparkSession.builder.getOrCreate()
    return list


def land() -> Callable[[], Rows]:
    importlib.import_module("land").main(["--input", "s3a://raw/trace/"])
    return list


def ask(name: str) -> Callable[[], Rows]:
    job = importlib.import_module(next(APPS.glob(f"{name}_*.py")).stem)
    result = job.main([])

    def tell() -> Rows:
        """Takes the answer away too, so that the next one is found anew."""
        spark = SparkSession.builder.getOrCreate()
        rows = read_answer(spark, name, job.TABLE, result["facts"])
        for table in (job.TABLE, *job.QUESTION.parts):
            spark.sql(f"DROP TABLE {table} PURGE")
        return rows

    return tell


def read_answer(spark: SparkSession, name: str, table: str, facts: Mapping[str, Any]) -> Rows:
    rows = [list(row) for row in spark.table(table).select(*ROWS[name]).collect()] if name in ROWS else []
    rows += [[facts[fact] for fact in FACTS[name]]] if name in FACTS else []
    return rows + ([["correlation", None, None, facts["correlation"]]] if name == "q5" else [])


if __name__ == "__main__":
    sys.path.append(str(APPS))
    serve(int(sys.argv[1]), {"start": start, "landing": land} | {name: partial(ask, name) for name in (*ROWS, *FACTS)})
