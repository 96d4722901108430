"""One question, one table: a job that reads trusted tables and replaces its whole answer in one commit.

The commit remembers from which snapshots, with which arguments and by which code it was made, and what was said of it: asked the same
again, the job says the same again and writes nothing. All input is read and kept before the answer begins: the phase `read` is the time of
reading, and nothing is read twice.
"""

import argparse
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

import jobkit

KEY, SAID = "sparkyard.answer-key", "sparkyard.answer-said"
Inputs = Mapping[str, DataFrame]


@dataclass(frozen=True)
class Question:
    """`answer` ends in the select that is the table; `tell` fills in facts, checks and highlights; `parts` are tables made of it."""

    job: str
    about: str | None
    code: str
    table: str
    reads: Mapping[str, Sequence[str]]
    answer: Callable[[Inputs, argparse.Namespace], DataFrame]
    tell: Callable[[DataFrame, Inputs, jobkit.Job], None]
    plot: Mapping[str, Any]
    parts: Mapping[str, Callable[[DataFrame, argparse.Namespace], DataFrame]] = field(default_factory=dict)
    options: Callable[[argparse.ArgumentParser], None] | None = None


def run(question: Question, argv: Sequence[str] | None, spark: SparkSession | None) -> dict[str, Any]:
    parser = jobkit.Arguments(question.job, description=question.about, formatter_class=argparse.RawDescriptionHelpFormatter)
    if question.options:
        question.options(parser)
    return jobkit.run(question.job, parser, lambda session, args, job: compute(session, question, args, job), argv, spark)


def compute(spark: SparkSession, question: Question, args: argparse.Namespace, job: jobkit.Job) -> None:
    with job.phase("look for news"):
        versions = {table: current_snapshot(spark, table) for table in question.reads}
        key = make_key(question, args, versions)
        before = last_summary(spark, question.table)
    if before.get(KEY) == key:
        repeat(before, question, job)
        return
    with job.phase("read"):
        inputs = {table: read(spark, table, version, question.reads[table]) for table, version in versions.items()}
        job.rows["read"] = sum(count_rows(table, rows) for table, rows in inputs.items())
    try:
        with job.phase("answer"):
            answer = question.answer(inputs, args).persist()
            job.rows["written"] = answer.count()
            question.tell(answer, inputs, job)
            job.facts, job.highlights = settle(job.facts), settle(job.highlights)
        with job.phase("write"):
            write(spark, question, answer, args, key, job)
    finally:
        for rows in inputs.values():
            rows.unpersist()
    answer.unpersist()
    job.plot = dict(question.plot)


def settle(value: Any) -> Any:
    """Twelve digits of a float: those behind hang on the order in which rows were summed."""
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, dict):
        return {key: settle(inner) for key, inner in value.items()}
    return [settle(inner) for inner in value] if isinstance(value, list) else value


def repeat(before: Mapping[str, str], question: Question, job: jobkit.Job) -> None:
    said, job.plot = json.loads(before[SAID]), dict(question.plot)
    job.facts, job.checks, job.highlights = said["facts"], said["checks"], said["highlights"]
    job.facts["nothing_new"] = f"the table is as {before.get('sparkyard.run-id')} wrote it: the same input, arguments and code"


def current_snapshot(spark: SparkSession, table: str) -> int:
    if not spark.catalog.tableExists(table):
        raise jobkit.InputError(f"{table}: no such table; run the job first that writes it")
    spark.sql(f"REFRESH TABLE {table}")
    main = spark.table(f"{table}.refs").where("name = 'main'").head()
    if main is None:
        raise jobkit.InputError(f"{table}: no rows; nothing can be answered from it")
    return main.snapshot_id


def last_summary(spark: SparkSession, table: str) -> dict[str, str]:
    if not spark.catalog.tableExists(table):
        return {}
    spark.sql(f"REFRESH TABLE {table}")
    main = spark.table(f"{table}.refs").where("name = 'main'")
    last = spark.table(f"{table}.snapshots").join(main, "snapshot_id").select("summary").head()
    return last.summary if last else {}


def make_key(question: Question, args: argparse.Namespace, versions: Mapping[str, int]) -> str:
    """The job's own file, and the modules beside its folder, are the code."""
    file = Path(question.code)
    code = [path.read_bytes() for path in (file, *sorted(file.parent.parent.glob("*kit.py")), Path(__file__))]
    asked = json.dumps([vars(args), versions], sort_keys=True, default=str)
    return hashlib.sha256(b"\0".join([asked.encode(), *code])).hexdigest()


def read(spark: SparkSession, table: str, version: int, columns: Sequence[str]) -> DataFrame:
    return spark.read.option("versionAsOf", version).table(table).select(*columns).persist()


def count_rows(table: str, rows: DataFrame) -> int:
    """Reads every row, since it is asked to keep them."""
    if count := rows.count():
        return count
    raise jobkit.InputError(f"{table}: no rows; nothing can be answered from it")


def write(spark: SparkSession, question: Question, answer: DataFrame, args: argparse.Namespace, key: str, job: jobkit.Job) -> None:
    """The answer last: its commit says that all is done."""
    spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {question.table.rpartition('.')[0]}")
    said = {"facts": job.facts, "checks": job.checks, "highlights": job.highlights}
    for table, part in question.parts.items():
        replace(part(answer, args), table, {}, job)
    replace(answer, question.table, {KEY: key, SAID: json.dumps(said, default=str)}, job)


def replace(rows: DataFrame, table: str, properties: Mapping[str, str], job: jobkit.Job) -> None:
    """In one file and in order: answers are small, and are looked at."""
    writer = rows.repartition(1).sortWithinPartitions(*rows.columns).writeTo(table).using("iceberg")
    for name, value in ({"sparkyard.run-id": job.run_id} | dict(properties)).items():
        writer = writer.option(f"snapshot-property.{name}", value)
    writer.createOrReplace()
    job.tables.append(table)
