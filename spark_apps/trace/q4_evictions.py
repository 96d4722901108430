"""Are tasks of low scheduling class, or of low priority, evicted more?

From: yard.trusted.trace_task_events
To:   yard.refined.trace_q4_evictions  one row a class and one row a priority: distinct tasks, those evicted at least once, and their share

A task counts in each class and priority that it told. What is usually published divides EVICT rows by all rows: the column as_published.
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
TABLE = "yard.refined.trace_q4_evictions"
GROUPS = {"class": "scheduling_class", "priority": "priority"}


def answer(inputs: jobanswers.Inputs, _: argparse.Namespace) -> DataFrame:
    """Rows to tasks once, with both groups in the key; then tasks to groups."""
    evicted = F.count_if(F.col("event_type") == trace.EVICT).alias("evict_rows")
    tasks = inputs[TASKS].groupBy("job_id", "task_index", *GROUPS.values()).agg(F.count("*").alias("rows"), evicted)
    by_class, by_priority = (count_group(tasks, name, column) for name, column in GROUPS.items())
    return by_class.unionByName(by_priority)


def count_group(tasks: DataFrame, name: str, column: str) -> DataFrame:
    sums = [F.sum(count).alias(count) for count in ("rows", "evict_rows")]
    once = tasks.groupBy("job_id", "task_index", column).agg(*sums)
    evicted = F.count_if(F.col("evict_rows") > 0).alias("evicted")
    counts = once.groupBy(column).agg(F.count("*").alias("tasks"), evicted, *sums)
    text = F.format_string(f"{name} %2s", trace.label(F.col(column)))  # so that 10 comes after 9
    share, published = F.col("evicted") / F.col("tasks"), F.col("evict_rows") / F.col("rows")
    return counts.select(
        text.alias("group"),
        F.lit(name).alias("by"),
        F.col(column).alias("value"),
        "tasks",
        "evicted",
        share.alias("share_evicted"),
        "evict_rows",
        "rows",
        published.alias("as_published"),
    )


def facts(inputs: jobanswers.Inputs) -> DataFrame:
    evicted = inputs[TASKS].where(F.col("event_type") == trace.EVICT)
    return evicted.agg(F.count_distinct("job_id", "task_index").alias("tasks_evicted"))


def tell(rows: Sequence[Row], facts: Row, job: jobkit.Job) -> None:
    for name in GROUPS:
        job.check(f"rows add up per {name}", sum(row["rows"] for row in rows if row.by == name) == job.rows["read"])
    job.facts["evict_rows"] = sum(row.evict_rows for row in rows if row.by == "class")
    job.facts["tasks_evicted"] = facts.tasks_evicted
    job.highlights = [
        ["group", "tasks", "evicted", "share"],
        *([row.group, row.tasks, row.evicted, round(row.share_evicted, 6)] for row in rows),
    ]


QUESTION = jobanswers.Question(
    job="trace-q4-evictions",
    about=__doc__,
    code=__file__,
    table=TABLE,
    reads={TASKS: ["job_id", "task_index", "event_type", "scheduling_class", "priority"]},
    answer=answer,
    facts=facts,
    tell=tell,
    plot={
        "table": TABLE,
        "kind": "bar",
        "x": "group",
        "y": ["share_evicted"],
        "title": "Tasks evicted at least once",
        "caption": f"Tasks evicted at least once / distinct tasks, per scheduling class and per priority. {trace.CITE}.",
    },
)


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobanswers.run(QUESTION, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
