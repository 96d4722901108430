"""Is the maintenance rate alike for all CPU classes?

From: yard.trusted.trace_machine_events
To:   yard.refined.trace_q11_maintenance_by_class  machines, those taken out and back, time away, per capacity

Maintenance is REMOVE to the next ADD; the share of time away is its sum over the machines of a capacity / (machines × the span of the
trace, 600 s to the last machine event). A machine that never comes back was not under maintenance: it is counted apart. Capacity is the
last known.
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
TABLE = "yard.refined.trace_q11_maintenance_by_class"


def answer(inputs: jobanswers.Inputs, _: argparse.Namespace) -> DataFrame:
    events = inputs[MACHINES]
    gaps = [F.count("until").alias("times"), F.sum(F.col("until") - F.col("since")).alias("away")]
    lost = F.count_if(F.col("until").isNull()).alias("lost")
    machines = trace.capacities(events).join(trace.times_away(events).groupBy("machine_id").agg(*gaps, lost), "machine_id", "left")
    counts = machines.groupBy("cpus").agg(
        F.count("*").alias("machines"),
        F.count_if(F.col("times") > 0).alias("machines_maintained"),
        F.count_if(F.col("lost") > 0).alias("machines_never_back"),
        F.coalesce(F.sum("times"), F.lit(0)).alias("times_away"),
        F.coalesce(F.sum("away"), F.lit(0)).alias("away"),
    )
    return counts.crossJoin(trace.last_moment(events)).select(
        trace.label(F.col("cpus")).alias("capacity"),
        "cpus",
        "machines",
        "machines_maintained",
        (F.col("machines_maintained") / F.col("machines")).alias("share_maintained"),
        "times_away",
        (F.col("away") / trace.HOUR).alias("hours_away"),
        F.try_divide("away", F.col("machines") * (F.col("end") - trace.START)).alias("share_of_time_away"),
        "machines_never_back",
    )


def facts(inputs: jobanswers.Inputs) -> DataFrame:
    return inputs[MACHINES].agg(F.count_distinct("machine_id").alias("machines"))


def tell(rows: Sequence[Row], facts: Row, job: jobkit.Job) -> None:
    job.check("machines add up", sum(row.machines for row in rows) == facts.machines)
    job.facts |= {name: sum(row[name] for row in rows) for name in ("machines", "machines_maintained", "machines_never_back", "times_away")}
    names = ["capacity", "machines", "share_maintained", "share_of_time_away"]
    job.highlights = [names, *([row[name] for name in names] for row in rows)]


QUESTION = jobanswers.Question(
    job="trace-q11-maintenance-by-class",
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
        "y": ["share_maintained", "share_of_time_away"],
        "title": "Maintenance by CPU capacity",
        "caption": "Share of machines taken out and back (REMOVE to the next ADD) at least once, and share of all time they were away, by "
        f"last known CPU capacity. {trace.CITE}.",
    },
)


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobanswers.run(QUESTION, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
