"""The share of computing power that is lost to machines being offline.

From: yard.trusted.trace_machine_events
To:   yard.refined.trace_q2_maintenance_loss  day by day: machine time away, capacity × time lost and at hand

Lost is the time from REMOVE to the next ADD × the machine's last known capacity; at hand is the span of the trace (600 s to the last
machine event) × the capacity of all machines, each once. A machine that never comes back is not under maintenance: it loses nothing here
and is counted apart, and so are the times away of machines without a known capacity. The figure that is usually published adds a machine to
what is at hand again at every ADD and lets the trace begin at 0: it is among the facts as `as_published`.
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
TABLE = "yard.refined.trace_q2_maintenance_loss"


def answer(inputs: jobanswers.Inputs, _: argparse.Namespace) -> DataFrame:
    """Each time away is cut at the ends of days."""
    events = inputs[MACHINES]
    end, capacities = trace.last_moment(events), trace.capacities(events)
    at_hand = capacities.agg(F.coalesce(F.sum("cpus"), F.lit(0.0)).alias("cpus"))
    every_day = F.explode(F.sequence(F.lit(0), F.floor(F.col("end") / trace.DAY))).alias("id")
    days = end.select("end", every_day).where(trace.within_day(trace.START, "end") > 0)
    away = trace.times_away(events).where("until IS NOT NULL").join(capacities, "machine_id", "left")
    pieces = away.join(F.broadcast(days), (F.col("since") < (F.col("id") + 1) * trace.DAY) & (F.col("until") > F.col("id") * trace.DAY))
    cut = trace.within_day("since", "until")
    lost = pieces.groupBy("id").agg(F.sum(cut).alias("away"), F.sum(cut * F.col("cpus")).alias("lost"))
    spans = days.crossJoin(F.broadcast(at_hand)).join(lost, "id", "left").na.fill(0, ["away", "lost"])
    held = F.col("cpus") * trace.within_day(trace.START, "end")
    return spans.select(
        F.col("id").cast("int").alias("day"),
        (F.col("away") / trace.HOUR).alias("machine_hours_away"),
        (F.col("lost") / trace.HOUR).alias("capacity_hours_lost"),
        (held / trace.HOUR).alias("capacity_hours"),
        F.try_divide("lost", held).alias("share_lost"),
    )


def facts(inputs: jobanswers.Inputs) -> DataFrame:
    events = inputs[MACHINES]
    capacities, away = trace.capacities(events), trace.times_away(events)
    known = away.join(capacities, "machine_id", "left").withColumn("gap", F.col("until") - F.col("since"))
    whole = known.agg(
        F.sum(F.col("gap") * F.col("cpus")).alias("lost"),
        F.count("gap").alias("times_away"),
        F.count_if(F.col("until").isNull()).alias("never_back"),
        F.count_if(F.col("cpus").isNull()).alias("away_with_unknown_capacity"),
    )
    again = F.sum(F.when(F.col("event_type") == trace.ADD, F.col("cpus"))).alias("again")
    held = capacities.agg(F.sum("cpus").alias("held"))
    return whole.crossJoin(held).crossJoin(events.agg(again)).crossJoin(trace.last_moment(events))


def tell(rows: Sequence[Row], facts: Row, job: jobkit.Job) -> None:
    lost = facts.lost or 0
    by_day = sum(row.capacity_hours_lost for row in rows)
    job.check("the days add up to the whole", abs(by_day * trace.HOUR - lost) <= 1e-9 * lost)
    job.facts |= {
        "share_lost": lost / (facts.held * (facts.end - trace.START)) if facts.held else None,
        "as_published": lost / (facts.again * facts.end) if facts.again else None,
    }
    job.facts |= {name: facts[name] for name in ("times_away", "never_back", "away_with_unknown_capacity")}
    names = ["share_lost", "as_published", "times_away", "never_back"]
    job.highlights = [["what", "value"], *([name, job.facts[name]] for name in names)]


QUESTION = jobanswers.Question(
    job="trace-q2-maintenance-loss",
    about=__doc__,
    code=__file__,
    table=TABLE,
    reads={MACHINES: ["time", "machine_id", "event_type", "cpus", "memory"]},
    answer=answer,
    facts=facts,
    tell=tell,
    plot={
        "table": TABLE,
        "kind": "line",
        "x": "day",
        "y": ["share_lost"],
        "title": "Computing power lost to machines being offline",
        "caption": "Time from REMOVE to the next ADD × last known capacity, as a share of the day × the capacity of all machines, each "
        f"once. Machines that never came back count as none lost. {trace.CITE}.",
    },
)


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobanswers.run(QUESTION, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
