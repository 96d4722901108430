"""One question, one table: a job that reads trusted tables and replaces its whole answer in one commit, the table's history going on.

The commit remembers from which snapshots, with which arguments and by which code it was made, and what was said of it: asked the same
again, the job says the same again and writes nothing. Rows and facts of an answer are found in one Spark job, which computes once what
both need; the rows are few, and are looked at here before they are written.
"""

import argparse
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

import jobfiles
import jobkit

KEY, SAID = "sparkyard.answer-key", "sparkyard.answer-said"
SMALL = 100_000  # rows: one task is done with so many before several have started and shuffled
ROWS_A_FILE = 500_000
Inputs = Mapping[str, DataFrame]


class Version(NamedTuple):
    """The current snapshot of a table, and what its commit says."""

    snapshot: int
    summary: Mapping[str, str]


@dataclass(frozen=True)
class Question:
    """`answer` ends in the select that is the table, `facts` in one row; `tell` checks rows and facts and says them; `parts` are tables
    made of the answer. An answer of too many rows to look at has a `keep`: what it and the facts are made of, computed once; `tell` gets
    no rows then."""

    job: str
    about: str | None
    code: str
    table: str
    reads: Mapping[str, Sequence[str]]
    answer: Callable[[Inputs, argparse.Namespace], DataFrame]
    tell: Callable[[Sequence[Row], Row, jobkit.Job], None]
    plot: Mapping[str, Any]
    facts: Callable[[Inputs], DataFrame] | None = None
    keep: Callable[[Inputs], DataFrame] | None = None
    parts: Mapping[str, Callable[[DataFrame, argparse.Namespace], DataFrame]] = field(default_factory=dict)
    options: Callable[[argparse.ArgumentParser], None] | None = None


def run(question: Question, argv: Sequence[str] | None, spark: SparkSession | None) -> dict[str, Any]:
    parser = jobkit.Arguments(question.job, description=question.about, formatter_class=argparse.RawDescriptionHelpFormatter)
    if question.options:
        question.options(parser)
    return jobkit.run(question.job, parser, lambda session, args, job: compute(session, question, args, job), argv, spark)


def compute(spark: SparkSession, question: Question, args: argparse.Namespace, job: jobkit.Job) -> None:
    with job.phase("look for news"):
        versions = look(spark, question)
        before = versions.pop(question.table, Version(0, {})).summary
        key = make_key(question, args, {table: version.snapshot for table, version in versions.items()})
    if before.get(KEY) == key:
        repeat(before, job)
        job.plot = dict(question.plot)
        return
    inputs = {table: read(spark, table, version, question.reads[table]) for table, version in versions.items()}
    job.rows["read"] = sum(count_rows(table, version) for table, version in versions.items())
    kept = question.keep(inputs).persist() if question.keep else None
    try:
        with job.phase("answer"):
            answer = find(spark, question, inputs, args, job)
        with job.phase("write"):
            write(spark, question, answer, args, key, job)
    finally:
        if kept:
            kept.unpersist()
    job.plot = dict(question.plot)


def look(spark: SparkSession, question: Question) -> dict[str, Version]:
    """All tables in one Spark job, the answer's own too where it has one."""
    known = {table: current_snapshot(spark, table) for table in question.reads}
    if spark.catalog.tableExists(question.table):
        known[question.table] = current_snapshot(spark, question.table)
    commits = [
        spark.table(f"{table}.snapshots").where(F.col("snapshot_id") == snapshot).select(F.lit(table).alias("table"), "summary")
        for table, snapshot in known.items()
    ]
    return {row.table: Version(known[row.table], row.summary) for row in reduce(DataFrame.union, commits).collect()}


def current_snapshot(spark: SparkSession, table: str) -> int:
    if not spark.catalog.tableExists(table):
        raise jobkit.InputError(f"{table}: no such table; run the job first that writes it")
    spark.sql(f"REFRESH TABLE {table}")
    snapshot = spark.sql(f"SHOW TBLPROPERTIES {table} ('current-snapshot-id')").collect()[0].value
    if snapshot == "none":
        raise jobkit.InputError(f"{table}: no rows; nothing can be answered from it")
    return int(snapshot)


def last_commit(spark: SparkSession, table: str) -> dict[str, str]:
    """What the current snapshot's commit says; nothing where there is no table."""
    if not spark.catalog.tableExists(table):
        return {}
    current = current_snapshot(spark, table)
    found = spark.table(f"{table}.snapshots").where(F.col("snapshot_id") == current).head()
    return dict(found.summary) if found else {}


def make_key(question: Question, args: argparse.Namespace, snapshots: Mapping[str, int]) -> str:
    """The job's own file, and the modules beside its folder, are the code."""
    file = Path(question.code)
    return hash_asked([vars(args), snapshots], [file, *sorted(file.parent.parent.glob("*kit.py")), Path(__file__)])


def hash_asked(asked: object, code: Sequence[Path]) -> str:
    text = json.dumps(asked, sort_keys=True, default=str)
    return hashlib.sha256(b"\0".join([text.encode(), *(file.read_bytes() for file in code)])).hexdigest()


def remember(job: jobkit.Job) -> str:
    """What is said of an answer, as its commit keeps it for `repeat`."""
    job.facts, job.highlights = settle(job.facts), settle(job.highlights)
    return json.dumps({"facts": job.facts, "checks": job.checks, "highlights": job.highlights}, default=str)


def repeat(before: Mapping[str, str], job: jobkit.Job) -> None:
    said = json.loads(before[SAID])
    job.facts, job.checks, job.highlights = said["facts"], said["checks"], said["highlights"]
    job.facts["nothing_new"] = f"the table is as {before.get('sparkyard.run-id')} wrote it: the same input, arguments and code"


def read(spark: SparkSession, table: str, version: Version, columns: Sequence[str]) -> DataFrame:
    rows = spark.read.option("versionAsOf", version.snapshot).table(table).select(*columns)
    return rows.coalesce(1) if count_rows(table, version) <= SMALL else rows


def count_rows(table: str, version: Version) -> int:
    if count := int(version.summary["total-records"]):
        return count
    raise jobkit.InputError(f"{table}: no rows; nothing can be answered from it")


def find(spark: SparkSession, question: Question, inputs: Inputs, args: argparse.Namespace, job: jobkit.Job) -> DataFrame:
    answer = question.answer(inputs, args)
    facts = (question.facts(inputs) if question.facts else spark.range(1)).select(F.struct("*").alias("facts"))
    if question.keep:
        rows, said = [], facts.collect()[0]
        job.rows["written"] = answer.count()
        answer = answer.coalesce(1 + job.rows["written"] // ROWS_A_FILE)
    else:
        said = facts.crossJoin(answer.agg(F.collect_list(F.struct("*")).alias("rows"))).collect()[0]
        rows = sorted(said.rows, key=in_order)
        job.rows["written"] = len(rows)
        answer = spark.createDataFrame(rows, answer.schema, verifySchema=False).coalesce(1)
    question.tell(rows, said.facts, job)
    return answer


def in_order(row: Row) -> list[tuple[bool, Any]]:
    """By the first column, then the next; empty ones first."""
    return [(value is not None, value) for value in row]


def settle(value: Any) -> Any:
    """Twelve digits of a float: those behind hang on the order in which rows were summed."""
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, dict):
        return {key: settle(inner) for key, inner in value.items()}
    return [settle(inner) for inner in value] if isinstance(value, list) else value


def write(spark: SparkSession, question: Question, answer: DataFrame, args: argparse.Namespace, key: str, job: jobkit.Job) -> None:
    """The answer last: its commit says that all is done."""
    spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {question.table.rpartition('.')[0]}")
    for table, part in question.parts.items():
        replace(part(answer, args), table, {}, job)
    replace(answer, question.table, {KEY: key, SAID: remember(job)}, job)


def replace(rows: DataFrame, table: str, properties: Mapping[str, str], job: jobkit.Job) -> None:
    """All rows by these, in one commit. Only a table of other columns is made anew: that cuts its history, from which others know what
    has changed, and which upkeep keeps."""
    writer = jobfiles.saying(rows.writeTo(table).using("iceberg"), {"sparkyard.run-id": job.run_id} | dict(properties))
    if has_columns(rows, table):
        writer.overwrite(F.lit(True))
    else:
        writer.createOrReplace()
    job.tables.append(table)


def has_columns(rows: DataFrame, table: str) -> bool:
    spark = rows.sparkSession
    return bool(spark.catalog.tableExists(table) and jobfiles.read_anew(spark, table).dtypes == rows.dtypes)
