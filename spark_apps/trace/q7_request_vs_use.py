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

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import jobanswers
import jobkit
import tracekit as trace

TASKS, USAGE = trace.TASK_EVENTS, trace.TASK_USAGE
TABLE = "yard.refined.trace_q7_request_vs_use"
SAMPLE = f"{TABLE}_sample"
TASK = ["job_id", "task_index"]
PAIRS = {"cpu": ("cpu_request", "cpu_used"), "memory": ("memory_request", "memory_used")}


def requests(events: DataFrame) -> DataFrame:
    known = [trace.last_known(column, trace.task_order()).alias(column) for column in ("cpu_request", "memory_request")]
    return events.groupBy(*TASK).agg(*known).where("cpu_request IS NOT NULL OR memory_request IS NOT NULL")


def uses(usage: DataFrame) -> DataFrame:
    means = [trace.mean("cpu_rate").alias("cpu_used"), trace.mean("canonical_memory").alias("memory_used")]
    return usage.groupBy(*TASK).agg(*means, F.count("*").alias("measurements"))


def answer(inputs: jobanswers.Inputs, _: argparse.Namespace) -> DataFrame:
    tasks = requests(inputs[TASKS]).join(uses(inputs[USAGE]), TASK)
    return tasks.select(*TASK, "cpu_request", "cpu_used", "memory_request", "memory_used", "measurements")


def sample(rows: DataFrame, args: argparse.Namespace) -> DataFrame:
    """By hash, so that every run draws the same."""
    complete = rows.where(" AND ".join(f"{column} IS NOT NULL" for pair in PAIRS.values() for column in pair))
    drawn = complete.orderBy(F.xxhash64(*TASK), *TASK).limit(args.sample)
    return drawn.select("cpu_request", "cpu_used", "memory_request", "memory_used", *TASK)


def tell(rows: DataFrame, inputs: jobanswers.Inputs, job: jobkit.Job) -> None:
    found = {f"{name}_correlation": F.corr(*pair).alias(f"{name}_correlation") for name, pair in PAIRS.items()}
    job.facts |= rows.agg(*found.values(), F.sum("measurements").alias("measurements")).head().asDict()
    asked, used = requests(inputs[TASKS]).count(), uses(inputs[USAGE]).count()
    job.facts |= {"tasks_never_measured": asked - job.rows["written"], "tasks_without_request": used - job.rows["written"]}
    job.facts["as_published"] = correlate_rows(inputs)
    job.facts["note"] = trace.GENERATED
    job.highlights = [["resource", "correlation of request with use"], *([name, job.facts[f"{name}_correlation"]] for name in PAIRS)]


def correlate_rows(inputs: jobanswers.Inputs) -> float | None:
    """Event rows × usage rows, task by task, without making them: each sum over pairs is a product of sums."""
    x, y = F.col("cpu_request"), F.col("cpu_rate")
    left = inputs[TASKS].where(x.isNotNull()).groupBy(*TASK).agg(F.count("*").alias("n"), F.sum(x).alias("x"), F.sum(x * x).alias("xx"))
    right = inputs[USAGE].where(y.isNotNull()).groupBy(*TASK).agg(F.count("*").alias("m"), F.sum(y).alias("y"), F.sum(y * y).alias("yy"))
    pairs = {"n": "n * m", "x": "x * m", "xx": "xx * m", "y": "n * y", "yy": "n * yy", "xy": "x * y"}
    sums = left.join(right, TASK).agg(*(F.sum(F.expr(term)).alias(name) for name, term in pairs.items())).head()
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
