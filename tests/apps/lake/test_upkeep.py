"""Upkeep changes files and never rows; a dry run tells the same and does nothing."""

import os
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import jobkit
from lake import upkeep

pytestmark = pytest.mark.java
TABLE = "yard.trusted.lake_upkeep_test"


@pytest.fixture
def table(yard: Any) -> Any:
    """Six small files in six snapshots, and a file nobody refers to from long ago."""
    yard.spark.sql("CREATE NAMESPACE yard.trusted")
    yard.spark.sql(f"CREATE TABLE {TABLE} (id BIGINT) USING iceberg")
    for number in range(6):
        yard.spark.range(number * 10, number * 10 + 10, numPartitions=1).writeTo(TABLE).append()
    yard.lost = Path(data_files(yard)[0]).parent / "lost.parquet"
    yard.lost.write_text("half a file")
    long_ago = time.time() - 30 * 86400
    os.utime(yard.lost, (long_ago, long_ago))
    return yard


def data_files(yard: Any) -> list[str]:
    return [row.file_path.removeprefix("file:") for row in yard.spark.table(f"{TABLE}.files").collect()]


def snapshots(yard: Any) -> list[int]:
    return [row.snapshot_id for row in yard.spark.table(f"{TABLE}.snapshots").orderBy("committed_at").collect()]


def run(yard: Any, *more: str) -> list[Any]:
    highlights = upkeep.main(list(more), yard.spark)["highlights"]
    return highlights[1] if len(highlights) > 1 else []


def test_small_files_become_large_ones_and_rows_stay(table: Any) -> None:
    assert run(table) == [TABLE, 6, 1, 0, 1]
    assert len(data_files(table)) == 1
    assert not table.lost.exists()
    assert table.rows(TABLE) == [(number,) for number in range(60)]
    before = snapshots(table)
    assert run(table) == []
    assert snapshots(table) == before, "a second run changes nothing"


def test_files_of_a_table_with_an_order_are_written_in_it(yard: Any) -> None:
    """Before, each file may hold any value; afterwards no two do."""
    yard.spark.sql("CREATE NAMESPACE yard.trusted")
    yard.spark.sql(f"CREATE TABLE {TABLE} (id BIGINT, note STRING) USING iceberg")
    yard.spark.sql(f"ALTER TABLE {TABLE} WRITE LOCALLY ORDERED BY id")
    for number in range(6):
        rows = yard.spark.range(number, 60_000, 6, numPartitions=1).selectExpr("id", "sha2(string(id), 256) AS note")
        rows.writeTo(TABLE).append()
    assert overlaps(yard) == 5
    name, small, written, *_ = run(yard, "--target-mib", "1")
    assert (name, small) == (TABLE, 6)
    assert written > 1
    assert overlaps(yard) == 0
    assert yard.rows(TABLE, "id") == [(number,) for number in range(60_000)]


def overlaps(yard: Any) -> int:
    """How many files begin before the one ahead of them has ended."""
    bounds = yard.spark.table(f"{TABLE}.files").select("readable_metrics.id.lower_bound", "readable_metrics.id.upper_bound")
    spans = sorted(map(tuple, bounds.collect()))
    return sum(low <= high for (_, high), (low, _) in pairwise(spans))


def test_a_dry_run_tells_the_same_and_does_nothing(table: Any) -> None:
    files, before = data_files(table), snapshots(table)
    assert run(table, "--dry-run") == [TABLE, 6, 0, 0, 1]
    assert (data_files(table), snapshots(table), table.lost.exists()) == (files, before, True)


def test_the_last_snapshots_outlive_their_days(table: Any) -> None:
    args = upkeep.arguments().parse_args(["--keep-snapshots", "2", "--min-files", "100"])
    later = datetime.now(UTC) + timedelta(days=args.keep_days, minutes=1)
    args.orphan_days = args.keep_days + 3  # counted from `later`, and Iceberg refuses to look at files younger than a day
    kept = snapshots(table)[-2:]
    assert upkeep.tend(table.spark, TABLE, args, later)[3] == 4
    assert snapshots(table) == kept
    assert table.spark.sql(f"SELECT count(*) FROM {TABLE} VERSION AS OF {kept[0]}").collect()[0][0] == 50


def test_a_table_that_is_not_there_is_named(table: Any) -> None:
    with pytest.raises(jobkit.InputError, match=f"no such table: yard.refined.nothing; there are: {TABLE}"):
        run(table, "--table", "yard.refined.nothing")


def test_one_table_that_fails_keeps_no_other_from_it(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of three is broken, the second somebody drops meanwhile; the third is tended, and all is told."""
    strange, dropped = "yard.trusted.a_strange_one", "yard.trusted.b_dropped_one"
    for name in (strange, dropped):
        table.spark.range(1).writeTo(name).using("iceberg").create()
    tend = upkeep.tend

    def harm(spark: Any, name: str, *rest: Any) -> list[Any]:
        if name == strange:
            raise RuntimeError("its metadata cannot be read")
        if name == dropped:
            spark.sql(f"DROP TABLE {name} PURGE")
        return tend(spark, name, *rest)

    monkeypatch.setattr(upkeep, "tend", harm)
    said: list[dict[str, Any]] = []
    monkeypatch.setattr(jobkit, "emit", said.append)
    with pytest.raises(jobkit.JobError, match=f"^1 tables could not be tended, 1 others were: {strange}: its metadata cannot be read$"):
        upkeep.main([], table.spark)
    assert said[0]["facts"]["tables_failed"] == [strange]
    assert said[0]["highlights"][1] == [TABLE, 6, 1, 0, 1]


def test_tables_that_killed_helpers_left_are_swept(yard: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of now may still be in use, and what somebody keeps in scratch is no helper's."""
    helpers = ["yard.refined.share_export_0123abcd", "yard.scratch.promote_sales_sums", "yard.scratch.sql_query_89abcdef"]
    others = ["yard.refined.share_exports", "yard.scratch.mine"]
    for space in ("refined", "scratch"):
        yard.spark.sql(f"CREATE NAMESPACE yard.{space}")
    for name in (*helpers, *others):
        yard.spark.range(1).writeTo(name).using("iceberg").create()
    assert "left_over" not in upkeep.main([], yard.spark)["facts"]
    monkeypatch.setattr(upkeep, "is_left_over", lambda spark, name, before: before < datetime.now(UTC) - timedelta(days=2))
    assert upkeep.main(["--dry-run"], yard.spark)["facts"]["left_over"] == helpers
    assert upkeep.list_tables(yard.spark, upkeep.LAYERS) == sorted([*helpers, *others])
    assert upkeep.main([], yard.spark)["facts"]["left_over"] == helpers
    assert upkeep.list_tables(yard.spark, upkeep.LAYERS) == others


def test_a_helpers_table_is_as_old_as_its_last_change(table: Any) -> None:
    assert not upkeep.is_left_over(table.spark, TABLE, datetime.now(UTC) - timedelta(days=3))
    assert upkeep.is_left_over(table.spark, TABLE, datetime.now(UTC) + timedelta(minutes=1))


@pytest.mark.parametrize("words", [["--orphan-days", "1"], ["--target-mib", "0"], ["--keep-snapshots", "none"]])
def test_what_would_lose_something_is_refused_before_spark_starts(words: list[str]) -> None:
    with pytest.raises(jobkit.UsageError, match="not a whole number from"):
        upkeep.main(words)
