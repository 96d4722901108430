"""Do big machines evict more?

From: yard.trusted.trace_machine_events, yard.trusted.trace_task_events
To:   yard.refined.trace_q5_capacity_vs_evictions  one row a bin of capacity: machines, evictions on them, and their mean

The facts hold the Pearson correlation, over all machines of known capacity, of last known CPU capacity with the number of EVICT events on
the machine; a machine without any counts as 0, one of unknown capacity stays in a row of its own. The figure that is usually published
takes an unknown capacity for 0 and leaves quiet machines out: it is among the facts as `as_published`.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

import jobanswers
import jobkit
import tracekit as trace

MACHINES, TASKS = trace.MACHINE_EVENTS, trace.TASK_EVENTS
TABLE = "yard.refined.trace_q5_capacity_vs_evictions"


def count_evictions(inputs: jobanswers.Inputs) -> DataFrame:
    """One row a machine, also where it is in one of the tables only."""
    evictions = inputs[TASKS].where((F.col("event_type") == trace.EVICT) & F.col("machine_id").isNotNull())
    counts = evictions.groupBy("machine_id").agg(F.count("*").alias("evictions"))
    joined = trace.capacities(inputs[MACHINES]).join(counts, "machine_id", "full")
    return joined.select("machine_id", "cpus", F.coalesce("evictions", F.lit(0)).alias("evictions"))


def answer(inputs: jobanswers.Inputs, _: argparse.Namespace) -> DataFrame:
    bins = count_evictions(inputs).groupBy(trace.cpu_bin(F.col("cpus")).alias("capacity"))
    counts = [F.count("*").alias("machines"), F.sum("evictions").alias("evictions"), F.avg("evictions").alias("mean_evictions")]
    quiet = F.count_if(F.col("evictions") == 0).alias("machines_without")
    return bins.agg(*counts, quiet).select("capacity", "machines", "evictions", "mean_evictions", "machines_without")


def facts(inputs: jobanswers.Inputs) -> DataFrame:
    busy = F.col("evictions") > 0
    published = F.corr(F.when(busy, F.coalesce("cpus", F.lit(0.0))), F.when(busy, F.col("evictions")))
    found = count_evictions(inputs).agg(F.corr("cpus", "evictions").alias("correlation"), published.alias("as_published"))
    nowhere = F.count_if(F.col("machine_id").isNull()).alias("evictions_on_no_machine")
    evicted = inputs[TASKS].where(F.col("event_type") == trace.EVICT)
    return found.crossJoin(evicted.agg(F.count("*").alias("evictions"), nowhere))


def tell(rows: Sequence[Row], facts: Row, job: jobkit.Job) -> None:
    job.facts |= facts.asDict()
    job.check("evictions add up", sum(row.evictions for row in rows) + facts.evictions_on_no_machine == facts.evictions)
    job.highlights = [
        ["CPU capacity", "machines", "evictions a machine"],
        *([row.capacity, row.machines, round(row.mean_evictions, 6)] for row in rows),
    ]


QUESTION = jobanswers.Question(
    job="trace-q5-capacity-vs-evictions",
    about=__doc__,
    code=__file__,
    table=TABLE,
    reads={MACHINES: ["time", "machine_id", "event_type", "cpus", "memory"], TASKS: ["machine_id", "event_type"]},
    answer=answer,
    facts=facts,
    tell=tell,
    plot={
        "table": TABLE,
        "kind": "bar",
        "x": "capacity",
        "y": ["mean_evictions"],
        "title": "Evictions a machine, by CPU capacity",
        "caption": "Mean number of EVICT events a machine, by last known CPU capacity; machines without evictions count as 0. "
        f"{trace.CITE}.",
    },
)


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobanswers.run(QUESTION, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
