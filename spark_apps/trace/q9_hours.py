"""At what hours of the day are the peaks of usage?

From: yard.trusted.trace_task_usage
To:   yard.refined.trace_q9_hours  24 rows: the hour where the trace was taken, measurements that begin in it, their mean CPU and memory

The trace begins at 600 s, which was 19:00 on Sunday, 2011-05-01, and sees no change of clocks. Use is cpu_rate and canonical_memory. What
is usually published reads microseconds as seconds: the column as_published_cpu.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

import jobanswers
import jobkit
import tracekit as trace

USAGE = trace.TASK_USAGE
TABLE = "yard.refined.trace_q9_hours"


def answer(inputs: jobanswers.Inputs, _: argparse.Namespace) -> DataFrame:
    """The usage is read once: of each pair of an hour and the hour as it is published, sums of exact parts, which add up to either."""
    usage = inputs[USAGE].where(F.col("start_time") < trace.AFTER)
    hours = [hour_of_day(F.col("start_time"), second).alias(name) for name, second in (("hour", trace.SECOND), ("published", 1))]
    sums = [F.array(F.count(name), *(F.sum(part) for part in trace.parts(name))).alias(name) for name in ("cpu_rate", "canonical_memory")]
    pairs = usage.groupBy(*hours).agg(F.count("*").alias("measurements"), *sums)
    both = pairs.select(
        "*", F.inline(F.array(*(F.struct(F.col(name).alias("id"), F.lit(name).alias("as")) for name in ("hour", "published"))))
    )
    means = [
        F.sum(F.when(F.col("as") == "hour", F.col("measurements"))).alias("measurements"),
        mean_of("cpu_rate", "hour").alias("mean_cpu"),
        mean_of("canonical_memory", "hour").alias("mean_memory"),
        mean_of("cpu_rate", "published").alias("as_published_cpu"),
    ]
    day = usage.sparkSession.range(24).join(both.groupBy("id").agg(*means), "id", "left").na.fill(0, ["measurements"])
    return day.select(F.col("id").cast("int").alias("hour"), "measurements", "mean_cpu", "mean_memory", "as_published_cpu")


def mean_of(column: str, hour: str) -> Column:
    count, *sums = (F.sum(F.when(F.col("as") == hour, F.col(column)[at])) for at in range(1 + len(trace.UNITS)))
    return trace.mean_of_sums(sums, count)


def hour_of_day(time: Column, second: int) -> Column:
    """Whole numbers only: the definition's floor((t/1e6 − 600)/3600 + 19) mod 24."""
    return F.pmod(F.floor((time - 600 * second) / (3600 * second)) + 19, F.lit(24))


def facts(inputs: jobanswers.Inputs) -> DataFrame:
    return inputs[USAGE].where(F.col("start_time") >= trace.AFTER).agg(F.count("*").alias("after"))


def tell(rows: Sequence[Row], facts: Row, job: jobkit.Job) -> None:
    job.check("24 hours", [row.hour for row in rows] == list(range(24)))
    job.check("measurements add up", sum(row.measurements for row in rows) + facts.after == job.rows["read"])
    for name in ("mean_cpu", "mean_memory", "as_published_cpu"):
        known = [row for row in rows if row[name] is not None]
        job.facts[f"peak_hour_{name}"] = max(known, key=lambda row: row[name]).hour if known else None
    job.facts["note"] = trace.GENERATED
    job.highlights = [["hour", "mean CPU", "mean memory"], *([row.hour, row.mean_cpu, row.mean_memory] for row in rows)]


QUESTION = jobanswers.Question(
    job="trace-q9-hours",
    about=__doc__,
    code=__file__,
    table=TABLE,
    reads={USAGE: ["start_time", "cpu_rate", "canonical_memory"]},
    answer=answer,
    facts=facts,
    tell=tell,
    plot={
        "table": TABLE,
        "kind": "line",
        "x": "hour",
        "y": ["mean_cpu", "mean_memory"],
        "title": "Usage by hour of the day",
        "caption": "Mean of all measurements that begin in the hour, in the time of the place where the trace was taken. "
        f"{trace.GENERATED} After the {trace.CITE}.",
    },
)


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobanswers.run(QUESTION, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
