"""Jobs and tasks per scheduling class.

From: yard.trusted.trace_job_events, yard.trusted.trace_task_events
To:   yard.refined.trace_q3_scheduling_classes  one row a class: distinct jobs, distinct tasks (job and index), and their shares

A job or task that told two classes counts in both. What is usually published calls the distinct jobs in task_events "tasks": those are the
column as_published_tasks.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

import jobanswers
import jobkit
import tracekit as trace

JOBS, TASKS = trace.JOB_EVENTS, trace.TASK_EVENTS
TABLE = "yard.refined.trace_q3_scheduling_classes"


def answer(inputs: jobanswers.Inputs, _: argparse.Namespace) -> DataFrame:
    """Distinct first, then counted: one shuffle, and no expansion for two kinds of distinct."""
    jobs = inputs[JOBS].distinct().groupBy("scheduling_class").agg(F.count("*").alias("jobs"))
    by_job = inputs[TASKS].distinct().groupBy("scheduling_class", "job_id").agg(F.count("*").alias("tasks"))
    tasks = by_job.groupBy("scheduling_class").agg(F.sum("tasks").alias("tasks"), F.count("*").alias("as_published_tasks"))
    same = jobs.scheduling_class.eqNullSafe(tasks.scheduling_class)
    both = jobs.join(tasks, same, "full").withColumn("class", F.coalesce(jobs.scheduling_class, tasks.scheduling_class))
    counts = both.na.fill(0, ["jobs", "tasks", "as_published_tasks"])
    shares = [(F.col(name) / F.sum(name).over(trace.whole())).alias(f"{name[:-1]}_share") for name in ("jobs", "tasks")]
    scheduling_class = F.col("class").alias("scheduling_class")
    return counts.select(
        trace.label(F.col("class")).alias("class"), scheduling_class, "jobs", shares[0], "tasks", shares[1], "as_published_tasks"
    )


def tell(rows: Sequence[Row], _: Row, job: jobkit.Job) -> None:
    job.check("shares add up to 1", all(abs(sum(row[name] or 0 for row in rows) - 1) < 1e-9 for name in ("job_share", "task_share")))
    job.facts["as_published"] = {row["class"]: row.as_published_tasks for row in rows}
    job.highlights = [["class", "jobs", "tasks"], *([row["class"], row.jobs, row.tasks] for row in rows)]


QUESTION = jobanswers.Question(
    job="trace-q3-scheduling-classes",
    about=__doc__,
    code=__file__,
    table=TABLE,
    reads={JOBS: ["job_id", "scheduling_class"], TASKS: ["job_id", "task_index", "scheduling_class"]},
    answer=answer,
    tell=tell,
    plot={
        "table": TABLE,
        "kind": "bar",
        "x": "class",
        "y": ["task_share", "job_share"],
        "title": "Jobs and tasks per scheduling class",
        "caption": "Shares of distinct jobs (job id) and of distinct tasks (job id and index); class 3 is the most sensitive to latency. "
        f"{trace.CITE}.",
    },
)


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobanswers.run(QUESTION, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
