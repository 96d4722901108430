"""How often are the resources of machines over-committed?

From: yard.trusted.trace_task_events, yard.trusted.trace_machine_events
To:   yard.refined.trace_q10_overcommit  one row a point in time, every 5 minutes from 600 s on: machines, and how many are over-committed

A machine is over-committed at a point when the requests of the tasks that run on it then are more than its capacity then: of CPU, of
memory, of either, of both. A task runs from SCHEDULE to the next EVICT, FAIL, FINISH, KILL or LOST, or on to the last task event;
UPDATE_RUNNING changes its request. A request that is missing is the last one told, and else 0. A machine counts from ADD to REMOVE while
both its capacities are known; others that run tasks are the column machines_unknown. Requests are summed as whole billionths: exact,
whatever their order, and with room for 9,000 tasks on a machine that each request the most that trace-land lets in.
"""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import Column, DataFrame, Row, SparkSession, Window
from pyspark.sql import functions as F

import jobanswers
import jobkit
import tracekit as trace

MACHINES, TASKS = trace.MACHINE_EVENTS, trace.TASK_EVENTS
TABLE = "yard.refined.trace_q10_overcommit"
ENDS = (trace.EVICT, trace.FAIL, trace.FINISH, trace.KILL, trace.LOST)
NAMED = ("machines", "over_cpu", "over_memory", "over_either", "over_both", "machines_unknown")


def point(time: str) -> Column:
    """The number of the first point at or after a time."""
    return F.greatest(F.ceil((F.col(time) - trace.START) / trace.WINDOW), F.lit(0))


def billionths(column: str) -> Column:
    return F.round(F.coalesce(column, F.lit(0.0)) * 1e9).cast("bigint")


def running(events: DataFrame) -> DataFrame:
    """One row for each time that a task ran with one request: machine, requests, and from which point on till before which."""
    moves = events.where(F.col("event_type").isin(trace.SCHEDULE, trace.UPDATE_RUNNING, *ENDS))
    by_task = Window.partitionBy("job_id", "task_index").orderBy(*trace.task_order())
    told = {name: F.last(name, ignorenulls=True).over(by_task) for name in ("machine_id", "cpu_request", "memory_request")}
    told["machine_id"] = F.when(F.col("event_type") == trace.SCHEDULE, F.col("machine_id")).otherwise(told["machine_id"])
    runs = moves.withColumns(told | {"until": F.coalesce(F.lead("time").over(by_task), F.lit(trace.AFTER))})
    runs = runs.where(F.col("event_type").isin(trace.SCHEDULE, trace.UPDATE_RUNNING) & F.col("machine_id").isNotNull())
    spans = runs.withColumns({"since": point("time"), "until": point("until")}).where("since < until")
    return spans.select(
        "machine_id", "since", "until", billionths("cpu_request").alias("cpu"), billionths("memory_request").alias("memory")
    )


def both_ends(since: str, until: str, amounts: Mapping[str, Column]) -> Column:
    """Two rows: what is added at the point where a span begins, and taken off at that where it ends."""
    signs = [(F.col(since), 1), (F.col(until), -1)]
    ends = [F.struct(at.alias("point"), *((n * amount).alias(name) for name, amount in amounts.items())) for at, n in signs]
    return F.inline(F.array(*ends))


def changes(runs: DataFrame) -> DataFrame:
    """What is added to a machine's tasks and requests at a point."""
    amounts = {"tasks": F.lit(1), "cpu": F.col("cpu"), "memory": F.col("memory")}
    ends = runs.select("machine_id", both_ends("since", "until", amounts))
    return ends.groupBy("machine_id", "point").agg(*(F.sum(name).alias(name) for name in amounts))


def capacities(events: DataFrame) -> DataFrame:
    """What a machine is from a point on: there with a capacity, or not there."""
    by_machine = Window.partitionBy("machine_id").orderBy(*trace.machine_order())
    told = {name: F.last(name, ignorenulls=True).over(by_machine) for name in ("cpus", "memory")}
    there = (F.col("event_type") != trace.REMOVE) & F.col("cpus").isNotNull() & F.col("memory").isNotNull()
    state = F.struct(there.alias("known"), billionths("cpus").alias("cpu"), billionths("memory").alias("memory"))
    states = events.withColumns(told).withColumns({"point": point("time"), "state": state, "nth": F.row_number().over(by_machine)})
    return states.groupBy("machine_id", "point").agg(F.max_by("state", "nth").alias("state"))


def machine_spans(inputs: jobanswers.Inputs) -> DataFrame:
    """Machines from one change to the next: from which point on till before which, and what they are meanwhile (1 or 0)."""
    moves = changes(running(inputs[TASKS])).join(capacities(inputs[MACHINES]), ["machine_id", "point"], "full")
    by_machine = Window.partitionBy("machine_id").orderBy("point")
    sums = {name: F.coalesce(F.sum(name).over(by_machine), F.lit(0)) for name in ("tasks", "cpu", "memory")}
    now = moves.withColumns(sums | {"state": F.last("state", ignorenulls=True).over(by_machine), "until": F.lead("point").over(by_machine)})
    known = F.coalesce(F.col("state.known"), F.lit(False))
    cpu, memory = (known & (F.col(name) > F.col(f"state.{name}")) for name in ("cpu", "memory"))
    flags = dict(zip(NAMED, (known, cpu, memory, cpu | memory, cpu & memory, ~known & (F.col("tasks") > 0)), strict=True))
    return now.select("machine_id", "point", "until", *(flag.cast("bigint").alias(name) for name, flag in flags.items()))


def answer(inputs: jobanswers.Inputs, _: argparse.Namespace) -> DataFrame:
    """Points are many, changes are few: what changes at each point is summed up over time."""
    ends = machine_spans(inputs).select(both_ends("point", "until", {name: F.col(name) for name in NAMED}))
    deltas = ends.groupBy("point").agg(*(F.sum(name).alias(name) for name in NAMED))
    last = trace.last_moment(inputs[TASKS]).select(F.floor((F.col("end") - trace.START) / trace.WINDOW).alias("last"))
    points = last.select("last", F.explode(F.sequence(F.lit(0), F.greatest("last", F.lit(0)))).alias("point")).where("point <= last")
    moment = trace.whole().orderBy("point")
    counts = points.join(deltas, "point", "left").withColumns({name: F.coalesce(F.sum(name).over(moment), F.lit(0)) for name in NAMED})
    shares = [F.try_divide(name, F.col("machines")).alias(f"share_{name}") for name in NAMED[1:5]]
    hours = (F.col("point") * (trace.WINDOW / trace.HOUR)).alias("hours")
    return counts.select((F.col("point") * trace.WINDOW + trace.START).alias("time"), hours, *NAMED, *shares)


def tell(rows: Sequence[Row], _: Row, job: jobkit.Job) -> None:
    sums = {name: sum(row[name] for row in rows) for name in NAMED}
    job.check("either + both = CPU + memory", sums["over_either"] + sums["over_both"] == sums["over_cpu"] + sums["over_memory"])
    job.facts |= {"points": len(rows), "machine_points": sums["machines"], "machine_points_unknown": sums["machines_unknown"]}
    job.facts |= {f"share_{name}": sums[name] / sums["machines"] if sums["machines"] else None for name in NAMED[1:5]}
    job.highlights = [
        ["over-committed", "machine points", "share"],
        *([name, sums[name], job.facts[f"share_{name}"]] for name in NAMED[1:5]),
    ]


QUESTION = jobanswers.Question(
    job="trace-q10-overcommit",
    about=__doc__,
    code=__file__,
    table=TABLE,
    reads={
        TASKS: ["time", "job_id", "task_index", "machine_id", "event_type", "cpu_request", "memory_request"],
        MACHINES: ["time", "machine_id", "event_type", "cpus", "memory"],
    },
    answer=answer,
    tell=tell,
    plot={
        "table": TABLE,
        "kind": "line",
        "x": "hours",
        "y": ["share_over_cpu", "share_over_memory"],
        "title": "Machines whose resources are over-committed",
        "caption": "Share of machines on which the running tasks request more than the machine's capacity, every 5 minutes; hours since "
        f"the trace began. {trace.CITE}.",
    },
)


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobanswers.run(QUESTION, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
