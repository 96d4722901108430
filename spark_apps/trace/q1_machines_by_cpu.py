"""Machines by CPU capacity.

From: yard.trusted.trace_machine_events
To:   yard.refined.trace_q1_machines_by_cpu  one row a capacity: distinct machines, each by its last known capacity, and their share of all

Machines whose capacity was never told are a row of their own. The figures that are usually published count events, not machines: they are
among the facts as `as_published`, bin by bin.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

import jobanswers
import jobkit
import tracekit as trace

MACHINES = trace.MACHINE_EVENTS
TABLE = "yard.refined.trace_q1_machines_by_cpu"


def answer(inputs: jobanswers.Inputs, _: argparse.Namespace) -> DataFrame:
    counts = trace.capacities(inputs[MACHINES]).groupBy("cpus").agg(F.count("*").alias("machines"))
    share = F.col("machines") / F.sum("machines").over(trace.whole())
    return counts.select(
        trace.label(F.col("cpus")).alias("capacity"), "cpus", trace.cpu_bin(F.col("cpus")).alias("bin"), "machines", share.alias("share")
    )


def facts(inputs: jobanswers.Inputs) -> DataFrame:
    events = [F.count_if(trace.cpu_bin(F.col("cpus")) == name).alias(name) for name in trace.BINS]
    return inputs[MACHINES].agg(F.array(*events).alias("as_published"), F.count_distinct("machine_id").alias("machines"))


def tell(rows: Sequence[Row], facts: Row, job: jobkit.Job) -> None:
    job.check("machines add up", sum(row.machines for row in rows) == facts.machines)
    job.facts["bins"] = {name: sum(row.machines for row in rows if row.bin == name) for name in trace.BINS}
    job.facts["as_published"] = facts.as_published
    job.highlights = [["CPU capacity", "machines", "share"], *([row.capacity, row.machines, round(row.share, 6)] for row in rows)]


QUESTION = jobanswers.Question(
    job="trace-q1-machines-by-cpu",
    about=__doc__,
    code=__file__,
    table=TABLE,
    reads={MACHINES: ["time", "machine_id", "event_type", "cpus", "memory"]},
    answer=answer,
    facts=facts,
    tell=tell,
    plot={
        "table": TABLE,
        "kind": "bar",
        "x": "capacity",
        "y": ["machines"],
        "title": "Machines by CPU capacity",
        "caption": f"Distinct machines by last known CPU capacity, the largest machine being 1. {trace.CITE}.",
    },
)


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobanswers.run(QUESTION, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
