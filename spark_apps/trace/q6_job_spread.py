"""Do tasks of one job share a machine?

From: yard.trusted.trace_task_events
To:   yard.refined.trace_q6_job_spread  one row a range of numbers of machines (1, 2, 3 to 4, 5 to 8 …): jobs whose tasks ran on so many

A task ran where it was SCHEDULEd; only jobs with at least two tasks that ran are asked. The facts hold the share of jobs whose tasks all
ran on one machine, every time they ran, and the mean number of distinct machines a job. The figure that is usually published counts jobs
with one task as "same machine", and no machine as one: it is among the facts as `as_published`.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

import jobanswers
import jobkit
import tracekit as trace

TASKS = trace.TASK_EVENTS
TABLE = "yard.refined.trace_q6_job_spread"


def spread(tasks: DataFrame) -> DataFrame:
    """One row a job of two tasks or more that ran."""
    ran = tasks.where((F.col("event_type") == trace.SCHEDULE) & F.col("machine_id").isNotNull())
    counts = [F.count_distinct("task_index").alias("tasks"), F.count_distinct("machine_id").alias("machines")]
    return ran.groupBy("job_id").agg(*counts).where("tasks >= 2").select("job_id", "tasks", "machines")


def answer(inputs: jobanswers.Inputs, _: argparse.Namespace) -> DataFrame:
    up_to = F.pow(F.lit(2), F.ceil(F.round(F.log2("machines"), 9))).cast("bigint").alias("machines_up_to")
    counts = spread(inputs[TASKS]).groupBy(up_to).agg(F.count("*").alias("jobs"), F.sum("tasks").alias("tasks"))
    return counts.select("machines_up_to", "jobs", (F.col("jobs") / F.sum("jobs").over(trace.whole())).alias("share"), "tasks")


def facts(inputs: jobanswers.Inputs) -> DataFrame:
    one = F.when(F.col("machines") == 1, 1.0).otherwise(0.0)
    counts = [F.count("*").alias("jobs"), F.avg(one).alias("share_on_one_machine"), F.avg("machines").alias("mean_machines")]
    any_machine = inputs[TASKS].groupBy("job_id").agg(F.count_distinct(F.coalesce("machine_id", F.lit(-1))).alias("machines"))
    return spread(inputs[TASKS]).agg(*counts).crossJoin(any_machine.agg(F.avg(one).alias("as_published")))


def tell(rows: Sequence[Row], facts: Row, job: jobkit.Job) -> None:
    job.facts |= facts.asDict()
    job.check("jobs add up", sum(row.jobs for row in rows) == facts.jobs)
    job.highlights = [["machines, up to", "jobs", "share"], *([row.machines_up_to, row.jobs, round(row.share, 6)] for row in rows)]


QUESTION = jobanswers.Question(
    job="trace-q6-job-spread",
    about=__doc__,
    code=__file__,
    table=TABLE,
    reads={TASKS: ["job_id", "task_index", "machine_id", "event_type"]},
    answer=answer,
    facts=facts,
    tell=tell,
    plot={
        "table": TABLE,
        "kind": "bar",
        "x": "machines_up_to",
        "y": ["jobs"],
        "title": "On how many machines the tasks of a job run",
        "caption": "Jobs with at least two tasks that ran, by the number of distinct machines (1, 2, 3 to 4, 5 to 8 …) that their tasks "
        f"were scheduled on. {trace.CITE}.",
    },
)


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobanswers.run(QUESTION, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
