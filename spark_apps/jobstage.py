"""Write, count, publish: rows lie in a snapshot that nobody sees until all that a run read is found good.

So files are parsed once, and still nothing is touched by a run that fails. Iceberg's write-audit-publish: a snapshot written under a
`spark.wap.id` is staged, and publishing it moves no data.
"""

import uuid
from types import TracebackType
from typing import Any, NamedTuple

from pyspark.sql import Column, DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from jobfiles import guarded, replace_rows
from jobkit import Job


class Staged(NamedTuple):
    table: str
    rows: DataFrame
    condition: Column
    snapshot: int


class Stage:
    """`with Stage(…) as stage`: what is not published at the end is taken away."""

    def __init__(self, spark: SparkSession, job: Job) -> None:
        self.spark, self.job = spark, job
        self.staged: list[Staged] = []

    def write(self, lines: DataFrame, good: Column, table: str, condition: Column) -> dict[str, Any]:
        """Stage the good ones among these as what replaces the rows that meet the condition; how many were `seen`, how many `bad`."""
        seen = Observation()
        observed = lines.observe(seen, F.count("*").alias("seen"), F.count_if(~good).alias("bad"))
        names = self.spark.table(table).columns
        name = f"{self.job.run_id}-{uuid.uuid4().hex[:8]}"
        self.spark.conf.set("spark.wap.id", name)
        try:
            guarded(observed.where(good).select(*names), table, self.job).overwrite(condition)
        finally:
            self.spark.conf.unset("spark.wap.id")
        snapshot = self.spark.table(f"{table}.snapshots").where(F.col("summary")["wap.id"] == name).head()
        self.staged.append(Staged(table, lines.where(good).select(*names), condition, snapshot.snapshot_id))
        return seen.get

    def publish(self) -> None:
        while self.staged:
            staged = self.staged[0]
            self._publish(staged)
            self.spark.sql(f"REFRESH TABLE {staged.table}")
            self.staged.pop(0)

    def _publish(self, staged: Staged) -> None:
        catalog, _, table = staged.table.partition(".")
        try:
            self.spark.sql(f"CALL {catalog}.system.cherrypick_snapshot('{table}', {staged.snapshot})")
            self.job.tables.append(staged.table)
        except Exception as error:
            if "annot cherry-pick" not in str(error):
                raise
            # Another run has committed since: its rows stay, ours are written beside them, if they are of other files.
            self.spark.sql(f"REFRESH TABLE {staged.table}")
            replace_rows(staged.rows, staged.table, staged.condition, self.job)

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for staged in self.staged:
            catalog, _, table = staged.table.partition(".")
            no_other = "older_than => TIMESTAMP '1970-01-01'"
            self.spark.sql(
                f"CALL {catalog}.system.expire_snapshots(table => '{table}', snapshot_ids => ARRAY({staged.snapshot}), {no_other})"
            )
