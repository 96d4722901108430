"""What changed in purchases, products and users from snapshot to snapshot, and who was what when: a star with its history.

From: yard.trusted.purchases_land_purchases, …_products, …_users
To:   yard.trusted.purchases_changes_purchases, …_products, …_users  for each day, what is new, updated or removed since the one before
      yard.trusted.purchases_changes_days                            how much that is, and how much is unchanged
      yard.refined.purchases_fact, purchases_product, purchases_user  each row with valid_from, valid_to and current

A row is valid from the day of the snapshot that first says so until the day, not included, of the one that says otherwise; what went and
came back has two rows. A run compares the days that are new or landed again, and those that follow them: so days may come in any order,
late or corrected, and the history is what it would be had they come in turn. A day cannot be withdrawn. More removed at once than
--max-removed allows is taken for a file that was cut off, and refused.
"""

import argparse
from collections.abc import Sequence
from datetime import date
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from pyspark.sql import DataFrame, Row, SparkSession, Window
from pyspark.sql import functions as F

import jobanswers
import jobfiles
import jobkit
import purchasekit
from purchasekit import CHANGED, DAYS, LISTS, List

KINDS = ("new", "updated", "unchanged", "removed")
COUNTS = ", ".join(f"{kind} BIGINT" for kind in KINDS)
NOTED = f"list STRING, date DATE, files STRING, before DATE, files_before STRING, {COUNTS}, run_id STRING, loaded TIMESTAMP"
SPAN = "valid_from DATE, valid_to DATE, current BOOLEAN"
TABLES = {
    **{kind.history: (f"{kind.declared}, {SPAN}", "") for kind in LISTS},
    **{kind.changes: (f"date DATE, change STRING, {kind.declared}", "date") for kind in LISTS},
    CHANGED: (NOTED, ""),
}


class Step(NamedTuple):
    """A day and the one that it is compared with, with the files that both were made of."""

    date: date
    files: str
    before: date | None
    files_before: str | None


def find_steps(spark: SparkSession) -> list[Step]:
    if not spark.catalog.tableExists(DAYS):
        raise jobkit.InputError(f"{DAYS}: no such table; run purchases-land first")
    landed = jobfiles.read_anew(spark, DAYS).groupBy("date").agg(F.max_by("files", "loaded").alias("files")).orderBy("date").collect()
    if not landed:
        raise jobkit.InputError(f"{DAYS}: no day has landed; run purchases-land first")
    return [Step(day.date, day.files, *(before or (None, None))) for before, day in pairwise([None, *landed])]


def find_noted(spark: SparkSession) -> list[Row]:
    """What was last noted of each day and list: how much changed, between which snapshots."""
    noted = F.max_by(F.struct(*Step._fields, *KINDS, "list"), "loaded").alias("noted")
    return spark.table(CHANGED).groupBy("date", "list").agg(noted).select("noted.*").orderBy("date", "list").collect()


def compare(spark: SparkSession, kind: List, steps: Sequence[Step]) -> DataFrame:
    """Every key of these days and of those before them, with its row as it is, or as it was before it went."""
    pairs = F.broadcast(spark.createDataFrame([(step.before, step.date) for step in steps], "before DATE, day DATE"))
    rows, state = jobfiles.read_anew(spark, kind.landed), F.struct(*kind.columns)
    now = rows.where(F.col("date").isin([step.date for step in steps])).select("date", kind.key, state.alias("now"))
    earlier = rows.join(pairs, F.col("date") == F.col("before")).select(F.col("day").alias("date"), kind.key, state.alias("was"))
    change = (
        F.when(F.col("was").isNull(), "new")
        .when(F.col("now").isNull(), "removed")
        .when(F.col("now") == F.col("was"), "unchanged")
        .otherwise("updated")
    )
    both = now.join(earlier, ["date", kind.key], "full").select("date", change.alias("change"), F.coalesce("now", "was").alias("row"))
    return both.select("date", "change", "row.*")


def count(compared: dict[str, DataFrame], steps: Sequence[Step], max_removed: float) -> list[tuple[Any, ...]]:
    """How much of each list changed on each day, for the book."""
    changes = [rows.groupBy("date", "change").count().withColumn("list", F.lit(name)) for name, rows in compared.items()]
    found = {(row.list, row.date, row.change): row["count"] for row in reduce(DataFrame.union, changes).collect()}
    entries = []
    for step in steps:
        for name in compared:
            new, updated, unchanged, removed = (found.get((name, step.date, change), 0) for change in KINDS)
            if removed > max_removed * (updated + unchanged + removed):
                raise jobkit.InputError(
                    f"{step.date}: {removed:,} of {updated + unchanged + removed:,} {name} of {step.before} are gone, more than the "
                    f"{max_removed:.0%} of --max-removed. Was the file cut off? No table was touched."
                )
            entries.append((name, *step, new, updated, unchanged, removed))
    return entries


def capture(spark: SparkSession, steps: Sequence[Step], args: argparse.Namespace, job: jobkit.Job) -> None:
    """Replace what is said of these days, and note of which snapshots."""
    compared = {kind.name: compare(spark, kind, steps).persist() for kind in LISTS}
    try:
        with job.phase("compare"):
            entries = count(compared, steps, args.max_removed)
            job.rows["read"] = sum(sum(entry[-4:-1]) for entry in entries)
        with job.phase("write changes"):
            for kind in LISTS:
                changes = compared[kind.name].where(F.col("change") != "unchanged")
                jobfiles.replace_rows(changes, kind.changes, F.col("date").isin([step.date for step in steps]), job)
    finally:
        for rows in compared.values():
            rows.unpersist()
    with job.phase("note days"):
        noted = spark.createDataFrame([(*entry, job.run_id) for entry in entries], NOTED.rpartition(", ")[0])
        entry = noted.select("*", F.current_timestamp().alias("loaded")).coalesce(1)
        jobfiles.retry_conflicts(lambda: jobfiles.append_rows(entry, CHANGED, job))


def find_spans(changes: DataFrame, kind: List) -> DataFrame:
    """From when until when each row was so."""
    until = F.lead("date").over(Window.partitionBy(kind.key).orderBy("date"))
    spans = changes.select("*", until.alias("valid_to")).where(F.col("change") != "removed")
    return spans.select(*kind.columns, F.col("date").alias("valid_from"), "valid_to", F.col("valid_to").isNull().alias("current"))


def renew(spark: SparkSession, steps: Sequence[Step], job: jobkit.Job) -> None:
    """The whole history from all changes, the fact last: its commit says of which snapshots."""
    key = jobanswers.hash_asked(steps, [Path(__file__), Path(purchasekit.__file__)])
    if key == last_key(spark):
        job.facts["nothing_new"] = "the history is of these snapshots already"
        return
    with job.phase("write history"):
        for kind in LISTS:
            spans = find_spans(jobfiles.read_anew(spark, kind.changes), kind)
            writer = jobfiles.guarded(spans, kind.history, job).option(f"snapshot-property.{jobanswers.KEY}", key)
            writer.overwrite(F.lit(True))
            job.tables.append(kind.history)
        check_rows(spark, steps, job)


def last_key(spark: SparkSession) -> str | None:
    """Of the last run that wrote the history to its end; upkeep may have rewritten files since."""
    keys = spark.table(f"{LISTS[-1].history}.snapshots").select("committed_at", F.col("summary")[jobanswers.KEY].alias("key"))
    found = keys.where("key IS NOT NULL").agg(F.max_by("key", "committed_at").alias("key")).head()
    return found.key if found else None


def check_rows(spark: SparkSession, steps: Sequence[Step], job: jobkit.Job) -> None:
    """The current rows are those of the last snapshot."""
    counts = [
        rows.agg(F.count("*").alias("rows"), F.lit(kind.name).alias("list"))
        for kind in LISTS
        for rows in (
            jobfiles.read_anew(spark, kind.history).where("current"),
            spark.table(kind.landed).where(F.col("date") == steps[-1].date),
        )
    ]
    found = {(row.list, row.rows) for row in reduce(DataFrame.union, counts).collect()}
    job.check("as many current rows as in the last snapshot", len(found) == len(LISTS))
    job.rows["written"] = sum(rows for _, rows in found)


def tell(spark: SparkSession, job: jobkit.Job) -> None:
    noted = find_noted(spark)
    job.facts["snapshots"] = len({row.date for row in noted})
    job.highlights = [["day", "list", *KINDS], *([f"{row.date}", row.list, *(row[kind] for kind in KINDS)] for row in noted[-9:])]


def compute(spark: SparkSession, args: argparse.Namespace, job: jobkit.Job) -> None:
    def attempt() -> None:
        job.tables.clear()
        with job.phase("look for news"):
            steps = find_steps(spark)
            jobfiles.ensure_tables(spark, TABLES)
            job.versions = jobfiles.current_versions(spark, TABLES)
            known = {row[: len(Step._fields)] for row in find_noted(spark)}
            new = [step for step in steps if step not in known]
            job.facts["days_compared"] = len(new)
        if new:
            capture(spark, new, args, job)
        renew(spark, steps, job)

    jobfiles.retry_conflicts(attempt)
    with job.phase("summarise"):
        tell(spark, job)


def arguments() -> argparse.ArgumentParser:
    parser = jobkit.Arguments("purchases-history", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--max-removed", type=jobkit.share, default=0.5, help="share of a list that may be gone from one day to the next")
    return parser


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobkit.run("purchases-history", arguments(), compute, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
