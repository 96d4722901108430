"""Do peaks of usage go with evictions?

From: yard.trusted.trace_task_usage, yard.trusted.trace_task_events
To:   yard.refined.trace_q8_peaks_vs_evictions  one row a number of evictions: machine windows with so many, and their mean peaks

A machine window is a machine and 5 minutes of the trace in which something was measured on it (by start_time). Its peak is the largest
max_cpu_rate, or max_memory, of a task in it; its evictions are the EVICT events on the machine in it, none being 0. The facts hold the
Pearson correlation of peak with evictions over all machine windows, and how many evictions fell where nothing was measured. The figure that
is usually published counts all events as evictions and drops time: it is among the facts as `as_published`.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

import jobanswers
import jobkit
import tracekit as trace

TASKS, USAGE = trace.TASK_EVENTS, trace.TASK_USAGE
TABLE = "yard.refined.trace_q8_peaks_vs_evictions"
WINDOW = ["machine_id", "window"]


def peaks(usage: DataFrame) -> DataFrame:
    measured = usage.where(F.col("machine_id").isNotNull() & (F.col("start_time") < trace.AFTER))
    window = F.floor(F.col("start_time") / trace.WINDOW).alias("window")
    return measured.groupBy("machine_id", window).agg(F.max("max_cpu_rate").alias("cpu"), F.max("max_memory").alias("memory"))


def evictions(events: DataFrame) -> DataFrame:
    evicted = events.where((F.col("event_type") == trace.EVICT) & F.col("machine_id").isNotNull() & (F.col("time") < trace.AFTER))
    return evicted.groupBy("machine_id", F.floor(F.col("time") / trace.WINDOW).alias("window")).agg(F.count("*").alias("evictions"))


def machine_windows(inputs: jobanswers.Inputs) -> DataFrame:
    joined = peaks(inputs[USAGE]).join(evictions(inputs[TASKS]), WINDOW, "left")
    return joined.select(*WINDOW, "cpu", "memory", F.coalesce("evictions", F.lit(0)).alias("evictions"))


def answer(inputs: jobanswers.Inputs, _: argparse.Namespace) -> DataFrame:
    means = [trace.mean(peak).alias(f"mean_{peak}_peak") for peak in ("cpu", "memory")]
    counts = machine_windows(inputs).groupBy("evictions").agg(F.count("*").alias("machine_windows"), *means)
    return counts.select("evictions", "machine_windows", "mean_cpu_peak", "mean_memory_peak")


def facts(inputs: jobanswers.Inputs) -> DataFrame:
    whole = machine_windows(inputs).agg(
        F.corr("cpu", "evictions").alias("cpu_correlation"),
        F.corr("memory", "evictions").alias("memory_correlation"),
        F.count("*").alias("machine_windows"),
        F.sum("evictions").alias("evictions"),
    )
    everywhere = evictions(inputs[TASKS]).agg(F.coalesce(F.sum("evictions"), F.lit(0)).alias("everywhere"))
    busy = inputs[TASKS].groupBy("machine_id").agg(F.count("*").alias("events"))
    highest = inputs[USAGE].groupBy("machine_id").agg(F.max("max_cpu_rate").alias("cpu"))
    published = highest.join(busy, "machine_id").agg(F.corr("cpu", F.col("events")).alias("as_published"))
    return whole.crossJoin(everywhere).crossJoin(published)


def tell(rows: Sequence[Row], facts: Row, job: jobkit.Job) -> None:
    job.facts |= facts.asDict()
    job.facts["evictions_where_nothing_was_measured"] = job.facts.pop("everywhere") - (facts.evictions or 0)
    job.facts["note"] = trace.GENERATED
    job.check("every machine window is in the table", sum(row.machine_windows for row in rows) == facts.machine_windows)
    job.highlights = [
        ["evictions", "machine windows", "mean CPU peak"],
        *([row.evictions, row.machine_windows, row.mean_cpu_peak] for row in rows[:10]),
    ]


QUESTION = jobanswers.Question(
    job="trace-q8-peaks-vs-evictions",
    about=__doc__,
    code=__file__,
    table=TABLE,
    reads={TASKS: ["time", "machine_id", "event_type"], USAGE: ["start_time", "machine_id", "max_cpu_rate", "max_memory"]},
    answer=answer,
    facts=facts,
    tell=tell,
    plot={
        "table": TABLE,
        "kind": "bar",
        "x": "evictions",
        "y": ["mean_cpu_peak", "mean_memory_peak"],
        "title": "Peaks of usage by evictions in the same 5 minutes on the same machine",
        "caption": "Mean over machine windows of 5 minutes of the largest max_cpu_rate and max_memory of a task, by EVICT events in "
        f"that window. {trace.GENERATED} After the {trace.CITE}.",
    },
)


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobanswers.run(QUESTION, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
