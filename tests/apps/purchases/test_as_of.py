"""A past day's snapshot, as the job gives it back, against the files of that day."""

from datetime import date
from typing import Any

import pytest
from apps.purchases.conftest import DAYS
from apps.purchases.test_land import instants

import jobkit
import purchasekit
from purchases import as_of

pytestmark = pytest.mark.java


def given_back(shop: Any, kind: Any) -> list[tuple[Any, ...]]:
    rows = shop.spark.table(as_of.table_of(kind)).selectExpr(*instants(kind, "unix_micros").split(", "))
    return sorted(tuple(row) for row in rows.collect())


def test_a_past_day_is_its_files(shop: Any) -> None:
    for asked, snapshot in ((DAYS[2], DAYS[2]), (date(2024, 2, 29), DAYS[3])):
        result = as_of.main(["--as-of", f"{asked}"], shop.spark)
        for kind in purchasekit.LISTS:
            expected = shop.duck.sql(f"SELECT {instants(kind)} FROM {kind.name} WHERE date = '{snapshot}'").fetchall()
            assert given_back(shop, kind) == sorted(expected)
            assert result["facts"][kind.name] == len(expected)
        assert (result["facts"]["as_of"], result["facts"]["snapshot"]) == (f"{asked}", f"{snapshot}")
    with pytest.raises(jobkit.InputError, match=rf"no snapshot of 2024-02-24 or before; the first is of {DAYS[0]}"):
        as_of.main(["--as-of", "2024-02-24"], shop.spark)
