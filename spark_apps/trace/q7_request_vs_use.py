"""Do the tasks that request most use most?

From: yard.trusted.trace_task_events, yard.trusted.trace_task_usage
To:   yard.refined.trace_q7_request_vs_use         one row a task: its last known requests and the means of its measurements
      yard.refined.trace_q7_request_vs_use_sample  some of them for a plot, always the same

Use is cpu_rate and canonical_memory. The facts hold the Pearson correlation of request with use, for CPU and memory; tasks that have no
request or were never measured are counted, and are no rows. The figure that is usually published correlates every event row with every
usage row of a task: it is among the facts as `as_published`.
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
TABLE = "yard.refined.trace_q7_request_vs_use"
SAMPLE = f"{TABLE}_sample"
TASK = ["job_id", "task_index"]
PAIRS = {"cpu": ("cpu_request", "cpu_used"), "memory": ("memory_request", "memory_used")}


ASKED = "(cpu_request IS NOT NULL OR memory_request IS NOT NULL)"
MEASURED = "(measurements IS NOT NULL)"
# Of each task its event rows (n) and usage rows (m) with a value: each sum over their pairs is a product of sums, and no pair is made.
PAIR_SUMS = {"n": "n * m", "x": "x * m", "xx": "xx * m", "y": "n * y", "yy": "n * yy", "xy": "x * y"}


def requests(events: DataFrame) -> DataFrame:
    x = F.col("cpu_request")
    known = [trace.last_known(column, trace.task_order()).alias(column) for column in ("cpu_request", "memory_request")]
    return events.groupBy(*TASK).agg(*known, F.count(x).alias("n"), F.sum(x).alias("x"), F.sum(x * x).alias("xx"))


def uses(usage: DataFrame) -> DataFrame:
    y = F.col("cpu_rate")
    means = [trace.mean("cpu_rate").alias("cpu_used"), trace.mean("canonical_memory").alias("memory_used")]
    sums = [F.count(y).alias("m"), F.sum(y).alias("y"), F.sum(y * y).alias("yy")]
    return usage.groupBy(*TASK).agg(*means, F.count("*").alias("measurements"), *sums)


def tasks(inputs: jobanswers.Inputs) -> DataFrame:
    """All that were ever told of."""
    return requests(inputs[TASKS]).join(uses(inputs[USAGE]), TASK, "full")


def answer(inputs: jobanswers.Inputs, _: argparse.Namespace) -> DataFrame:
    both = tasks(inputs).where(f"{ASKED} AND {MEASURED}")
    return both.select(*TASK, "cpu_request", "cpu_used", "memory_request", "memory_used", "measurements")


def sample(rows: DataFrame, args: argparse.Namespace) -> DataFrame:
    """By hash, so that every run draws the same."""
    complete = rows.where(" AND ".join(f"{column} IS NOT NULL" for pair in PAIRS.values() for column in pair))
    drawn = complete.orderBy(F.xxhash64(*TASK), *TASK).limit(args.sample)
    return drawn.select("cpu_request", "cpu_used", "memory_request", "memory_used", *TASK)


def facts(inputs: jobanswers.Inputs) -> DataFrame:
    found = [F.corr(*pair).alias(f"{name}_correlation") for name, pair in PAIRS.items()]
    counts = [
        F.sum(F.when(F.expr(ASKED), F.col("measurements"))).alias("measurements"),
        F.count_if(F.expr(f"{ASKED} AND NOT {MEASURED}")).alias("tasks_never_measured"),
        F.count_if(F.expr(f"{MEASURED} AND NOT {ASKED}")).alias("tasks_without_request"),
    ]
    pairs = F.struct(*(F.sum(F.expr(term)).alias(name) for name, term in PAIR_SUMS.items())).alias("pairs")
    return tasks(inputs).agg(*found, *counts, pairs)


def tell(_: Sequence[Row], facts: Row, job: jobkit.Job) -> None:
    job.facts |= facts.asDict()
    job.facts["as_published"] = correlate_pairs(job.facts.pop("pairs"))
    job.facts["note"] = trace.GENERATED
    job.highlights = [["resource", "correlation of request with use"], *([name, facts[f"{name}_correlation"]] for name in PAIRS)]


def correlate_pairs(sums: Row) -> float | None:
    """Every event row of a task with every usage row of it."""
    if not sums.n:
        return None
    spread = (sums.n * sums.xx - sums.x**2) * (sums.n * sums.yy - sums.y**2)
    return (sums.n * sums.xy - sums.x * sums.y) / spread**0.5 if spread > 0 else None


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sample", type=jobkit.whole(1, 100_000), default=2000, help="how many tasks the plot shows (1 to 100000)")


QUESTION = jobanswers.Question(
    job="trace-q7-request-vs-use",
    about=__doc__,
    code=__file__,
    table=TABLE,
    reads={
        TASKS: ["time", "event_type", "machine_id", *TASK, "cpu_request", "memory_request"],
        USAGE: [*TASK, "cpu_rate", "canonical_memory"],
    },
    answer=answer,
    facts=facts,
    keep=tasks,
    tell=tell,
    parts={SAMPLE: sample},
    options=options,
    plot={
        "table": SAMPLE,
        "kind": "scatter",
        "x": "cpu_request",
        "y": ["cpu_used"],
        "title": "CPU requested and CPU used, task by task",
        "caption": f"One point a task: its last known request and the mean of its measurements. {trace.GENERATED} After the {trace.CITE}.",
    },
)


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobanswers.run(QUESTION, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
