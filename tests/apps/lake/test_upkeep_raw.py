"""Raw has an upkeep of its own, which leaves all other tables to the one that has their key."""

from typing import Any

import pytest

import jobkit
from lake import upkeep, upkeep_raw

pytestmark = pytest.mark.java


def test_each_upkeep_tends_its_own_layers(yard: Any) -> None:
    for space in ("raw", "trusted"):
        yard.spark.sql(f"CREATE NAMESPACE yard.{space}")
        yard.spark.sql(f"CREATE TABLE yard.{space}.book (id BIGINT) USING iceberg")
        for number in range(5):
            yard.spark.range(number, number + 1, numPartitions=1).writeTo(f"yard.{space}.book").append()
    raw = upkeep_raw.main([], yard.spark)
    assert (raw["job"], raw["highlights"][1][:3]) == ("lake-upkeep-raw", ["yard.raw.book", 5, 1])
    assert yard.rows("yard.raw.book") == [(number,) for number in range(5)]
    assert [row[:3] for row in upkeep.main([], yard.spark)["highlights"][1:]] == [["yard.trusted.book", 5, 1]]
    with pytest.raises(jobkit.InputError, match=r"no such table: yard\.raw\.book; there are: yard\.trusted\.book"):
        upkeep.main(["--table", "yard.raw.book"], yard.spark)
