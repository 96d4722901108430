"""Upkeep changes files and never rows; a dry run tells the same and does nothing."""

import os
import time
from datetime import UTC, datetime, timedelta
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


@pytest.mark.parametrize("words", [["--orphan-days", "1"], ["--target-mib", "0"], ["--keep-snapshots", "none"]])
def test_what_would_lose_something_is_refused_before_spark_starts(words: list[str]) -> None:
    with pytest.raises(jobkit.UsageError, match="not a whole number from"):
        upkeep.main(words)
