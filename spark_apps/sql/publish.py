"""Carry a table to a SQL database (PostgreSQL, SQL Server): whole, or what changed in it since it was last published there.

From: any table of the lake, as its current snapshot has it
To:   --into schema.table of the connection --to, and a line in the ledger sparkyard_published beside it

Rows are staged where nobody looks; then one transaction under a lock brings them into the target, counts them and enters the snapshot
into the ledger. So readers see the old rows or the new ones, two runs at once end as one after the other, what a run that died left is
swept away by the next, and a snapshot that is published already is not published again.

Without --key and --by all rows of the target are replaced; in PostgreSQL the stage takes its place, unless more than grants hangs on it.
With --key the rows that changed are merged (PostgreSQL from version 15 on); with --by the parts, values of a column, in which something
changed are replaced. Where the lake cannot tell what changed, it is all rows.
Times are stored in UTC. A table that publish did not make is left alone, unless --adopt says that it may be written.
"""

import argparse
import uuid
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, SparkSession

import jobanswers
import jobchanges
import jobkit
import jobsql
from sqlsession import Ledger, Published, Session
from sqlstage import load_stage, measure
from sqlwords import CHANGE, STAGE, Words, drop_stage, make_columns

SCHEMAS = {"postgresql": "public", "sqlserver": "dbo"}
ATTEMPTS = 5


@dataclass(frozen=True)
class Plan:
    how: str  # whole, merge or parts
    rows: DataFrame
    count: int
    total: int  # what must be there in the end


def make_plan(spark: SparkSession, args: argparse.Namespace, snapshot: int, since: int | None) -> Plan:
    rows = spark.read.option("versionAsOf", snapshot).table(args.table)
    if strange := {*args.key, *args.by} - set(rows.columns):
        raise jobkit.UsageError(f"{args.table} has no column {', '.join(sorted(strange))}; there are: {', '.join(rows.columns)}")
    total, asked = rows.count(), args.key or args.by
    changes = jobchanges.list_changes(spark, args.table, since, snapshot) if since and asked else None
    if changes is None:
        return Plan("whole", rows, total, total)
    if args.key:
        changed = jobchanges.changed_rows(changes, rows.columns, args.key).persist()
    else:
        changed = jobchanges.changed_parts(changes, rows, args.by[0]).persist()
    return Plan("merge" if args.key else "parts", changed, changed.count(), total)


class Publication:
    """One table on its way to one target."""

    def __init__(self, spark: SparkSession, session: Session, args: argparse.Namespace, job: jobkit.Job) -> None:
        self.spark, self.session, self.args, self.job = spark, session, args, job
        self.target = args.into or f"{SCHEMAS[session.kind]}.{args.table.rpartition('.')[2]}"
        if self.target.count(".") != 1:
            raise jobkit.UsageError(f"--into {self.target} is not schema.table")
        self.schema = self.target.partition(".")[0]
        self.ledger = Ledger(session, self.schema)

    def run(self) -> bool:
        """False when another run was first: then it is to be looked at anew."""
        with self.job.phase("look for news"):
            snapshot = jobanswers.current_snapshot(self.spark, self.args.table)
            swept, last = self.session.sweep(self.schema), self.ledger.last(self.target)
            there = self.session.columns(self.target)
            self.refuse(there, last)
        self.job.facts |= {"target": f"{self.args.to}:{self.target}", "snapshot_id": snapshot, "stages_swept": len(swept)}
        if there and last and last.snapshot == snapshot:
            self.job.facts["nothing_new"] = f"{last.run_id} has published this snapshot"
            return True
        with self.job.phase("read"):
            is_complete = not set(self.spark.table(self.args.table).columns) - set(there)
            plan = make_plan(self.spark, self.args, snapshot, last.snapshot if last and is_complete else None)
            words = self.make_words(plan)
        try:
            return self.carry(plan, words, last, Published(snapshot, self.args.table, self.job.run_id))
        finally:
            plan.rows.unpersist()

    def refuse(self, there: dict[str, int], last: Published | None) -> None:
        if there and not last and not self.args.adopt:
            raise jobkit.InputError(f"{self.target} is there, and publish did not make it: --into another table, or --adopt this one")
        if last and last.source != self.args.table:
            raise jobkit.InputError(f"{self.target} holds {last.source}: --into another table")

    def make_words(self, plan: Plan) -> Words:
        rows, kind = plan.rows.drop(CHANGE), self.session.kind
        measured = measure(rows) if kind == "sqlserver" else {}
        columns = make_columns(kind, rows.schema, measured, dict(self.args.width), self.args.key)
        return Words(kind, self.target, f"{self.schema}.{STAGE}{uuid.uuid4().hex[:16]}", columns, self.args.key, "".join(self.args.by))

    def carry(self, plan: Plan, words: Words, last: Published | None, now: Published) -> bool:
        swaps = plan.how == "whole" and self.session.may_swap(words)
        with self.session.locked(words.stage):  # as long as the stage stands: it tells sweepers that we live
            try:
                with self.job.phase("stage"):
                    for statement in words.create_stage(plan.how != "whole", swaps):
                        self.session.do(statement)
                    self.session.close_to_others(words.staged)
                    load_stage(plan.rows.coalesce(self.args.writers), self.session.connection, words)
                    self.ledger.ensure()
                with self.job.phase("publish"), self.session.locked(self.target), self.session.transaction():
                    if self.ledger.last(self.target) != last or (swaps and not self.session.may_swap(words)):
                        return False
                    self.bring(plan, words, swaps)
                    self.ledger.enter(self.target, now, plan.total)
            finally:
                self.session.do(drop_stage(self.session.kind, words.stage))
        self.session.sweep(self.schema)  # a run killed in its transaction kept its stage until the database noticed, as it now has
        self.job.rows |= {"read": plan.count, "written": plan.count}
        self.job.facts["how"] = plan.how
        return True

    def bring(self, plan: Plan, words: Words, swaps: bool) -> None:
        """From the stage into the target."""
        session = self.session
        self.job.check("every row was staged", session.ask(words.count_staged())[0][0] == plan.count)
        if swaps:
            session.swap(words)
            return
        there = session.columns(self.target)
        for statement in [*words.add_columns(there), *words.widen_columns(there)] if there else [words.create_target()]:
            session.do(statement)
        for statement in words.bring(plan.how):
            session.do(statement)
        self.job.check("the target has as many rows as the table", session.ask(words.count(words.to))[0][0] == plan.total)


def compute(spark: SparkSession, args: argparse.Namespace, job: jobkit.Job) -> None:
    connection = jobsql.load_connection(args.to)
    with closing(Session(spark, connection)) as session:
        if not any(Publication(spark, session, args, job).run() for _ in range(ATTEMPTS)):
            raise jobkit.JobError(f"{args.table}: others publish it all the time; nothing of this run is left")


def names(text: str) -> list[str]:
    return text.split(",")


def width(text: str) -> tuple[str, str]:
    name, _, size = text.rpartition("=")
    if not name or not (size == "max" or size.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text} is not column=number or column=max")
    return name, size


def arguments() -> argparse.ArgumentParser:
    parser = jobkit.Arguments("sql-publish", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", required=True, help="yard.<layer>.<name>")
    parser.add_argument("--to", required=True, help="a connection: <name>.toml among the connections of the place")
    parser.add_argument("--into", help="schema.table there; else the table's own name in public (PostgreSQL) or dbo (SQL Server)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--key", type=names, default=[], help="columns, by comma, that tell rows apart: only what changed is merged")
    which.add_argument("--by", nargs=1, default=[], help="a column: only parts in which something changed are replaced")
    parser.add_argument("--width", type=width, action="append", default=[], help="column=number or =max, of text or bytes; again for more")
    parser.add_argument("--adopt", action="store_true", help="write a table that publish did not make; its rows are replaced")
    parser.add_argument("--writers", type=jobkit.whole(1, 64), default=8, help="connections that write at once, at most (8)")
    return parser


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobkit.run("sql-publish", arguments(), compute, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
