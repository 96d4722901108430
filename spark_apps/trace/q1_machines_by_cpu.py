"""Machines by CPU capacity.

From: yard.trusted.trace_machine_events
To:   yard.refined.trace_q1_machines_by_cpu  one row a capacity: distinct machines, each by its last known capacity, and their share of all

Machines whose capacity was never told are a row of their own. The figures that are usually published count events, not machines: they are
among the facts as `as_published`, bin by bin.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame, SparkSession
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


def tell(rows: DataFrame, inputs: jobanswers.Inputs, job: jobkit.Job) -> None:
    found = rows.orderBy("capacity").collect()
    job.check("machines add up", sum(row.machines for row in found) == inputs[MACHINES].select("machine_id").distinct().count())
    events = dict(inputs[MACHINES].groupBy(trace.cpu_bin(F.col("cpus"))).count().collect())
    job.facts["bins"] = {name: sum(row.machines for row in found if row.bin == name) for name in trace.BINS}
    job.facts["as_published"] = [events.get(name, 0) for name in trace.BINS]
    job.highlights = [["CPU capacity", "machines", "share"], *([row.capacity, row.machines, round(row.share, 6)] for row in found)]


QUESTION = jobanswers.Question(
    job="trace-q1-machines-by-cpu",
    about=__doc__,
    code=__file__,
    table=TABLE,
    reads={MACHINES: ["time", "machine_id", "event_type", "cpus", "memory"]},
    answer=answer,
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
