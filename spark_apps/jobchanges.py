"""What changed in a table between two of its snapshots: rows that came, rows that went."""

import uuid
from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

CHANGE = "sparkyard_change"  # u: the row is so now; d: it is gone


def list_changes(spark: SparkSession, table: str, since: int, until: int) -> DataFrame | None:
    """Each row with `_change_type` INSERT or DELETE; None where nobody can tell: replaced, expired, or with delete files."""
    history = spark.table(f"{table}.history").where("is_current_ancestor").where(F.col("snapshot_id").isin(since, until))
    if history.select("snapshot_id").distinct().count() < 2 or not spark.table(f"{table}.all_delete_files").isEmpty():
        return None
    view, (catalog, _, name) = f"sparkyard_changes_{uuid.uuid4().hex}", table.partition(".")
    between = f"options => map('start-snapshot-id', '{since}', 'end-snapshot-id', '{until}')"
    call = f"CALL {catalog}.system.create_changelog_view"
    spark.sql(f"{call}(table => '{name}', changelog_view => '{view}', {between}, net_changes => true)")
    return spark.table(view)


def changed_rows(changes: DataFrame, names: Sequence[str], keys: Sequence[str]) -> DataFrame:
    """A row for every key that changed: as it is now, or as it was before it went."""
    came = changes.where("_change_type = 'INSERT'").select(*names)
    went = changes.where("_change_type = 'DELETE'").select(*names).join(came.select(*keys), list(keys), "left_anti").select(*names)
    return came.withColumn(CHANGE, F.lit("u")).unionByName(went.withColumn(CHANGE, F.lit("d")))


def changed_parts(changes: DataFrame, rows: DataFrame, by: str) -> DataFrame:
    """All rows of the parts (values of a column) in which something changed, and for each part a row that marks it."""
    touched = changes.select(by).distinct()
    now = rows.join(F.broadcast(touched), rows[by].eqNullSafe(touched[by]), "left_semi").withColumn(CHANGE, F.lit("u"))
    filled = {field.name: F.lit(None).cast(field.dataType).alias(field.name) for field in rows.schema} | {by: F.col(by)}
    marks = touched.select(*filled.values())
    return now.unionByName(marks.withColumn(CHANGE, F.lit("d")))
