"""Landed snapshots against the same files in DuckDB, cell by cell; days that are late, torn or wrong."""

from datetime import date
from typing import Any

import pytest
from apps.purchases.conftest import DAYS, land
from apps.purchases.histories import make_snapshots, put, put_lines

import jobkit
import purchasekit
from purchases import as_of
from purchases import land as app

pytestmark = pytest.mark.java
DAY = "2024-02-27"
PURCHASES = purchasekit.PURCHASES


def test_every_cell_equals_the_files(shop: Any) -> None:
    total = 0
    for kind in purchasekit.LISTS:
        expected = shop.duck.sql(f"SELECT date, {instants(kind)} FROM {kind.name}").fetchall()
        found = [
            tuple(row) for row in shop.spark.table(kind.landed).selectExpr("date", *instants(kind, "unix_micros").split(", ")).collect()
        ]
        assert sorted(found) == sorted(expected), shop.seed
        total += len(found)
    first, second = shop.landed
    assert (second["facts"]["days_new"], second["facts"]["days_known"]) == (len(DAYS) - 2, 2), "those late, and two corrected ones"
    assert second["rows"]["written"] == second["rows"]["read"] < total
    assert first["rows"]["read"] == first["rows"]["written"] + 1
    assert first["facts"]["rejected_because"] == {"not as many columns as its header": 1}
    assert shop.rows(app.QUARANTINE) == [], "what was rejected has been corrected"


def instants(kind: Any, function: str = "epoch_us") -> str:
    return ", ".join(f"{function}({name})" if of == "TIMESTAMP" else name for name, of in kind.columns.items())


def test_a_line_is_a_row_or_has_its_reason_and_one_too_many_fails(yard: Any) -> None:
    put(yard.raw, date.fromisoformat(DAY), make_snapshots(1, DAYS)[date.fromisoformat(DAY)])
    good = "7,2024-02-27T23:59:59Z,1,1,2,9.90,paid"
    bad = {
        "": "blank line",
        good[:-5]: "not as many columns as its header",
        f"{good},x": "not as many columns as its header",
        good.replace("paid", '"paid'): "a quote is not closed",
        good.replace("7,", "x,", 1): "purchase_id is no BIGINT",
        good.replace("T", " "): "purchased_at is no TIMESTAMP",
        good.replace("02-27", "02-30"): "purchased_at is no TIMESTAMP",
        good.replace("02-27", "02-28"): "purchased after the day of its snapshot",
        good.replace(",2,", ",0,"): "quantity is below one",
        good.replace("9.90", "9.905"): "price is no DECIMAL(12,2)",
        good.replace("9.90", "-1"): "price is below zero",
        good.replace("paid", " "): "status is empty",
        good.replace("paid", "payed"): "status is none of paid, returned, cancelled",
        good.replace("7,", "8,", 1): "purchase_id is there more than once",
        good.replace("7,", "8,", 1).replace("paid", "returned"): "purchase_id is there more than once",
    }
    put_lines(yard.raw, f"{DAY}/purchases.csv", "\ufeff" + PURCHASES.header, good, *bad)
    with pytest.raises(jobkit.InputError, match=r"15 of \d+ rows rejected"):
        land(yard)
    assert yard.rows(PURCHASES.landed) == []
    assert dict(yard.rows(app.QUARANTINE, "line", "reason")) == bad


def test_days_that_are_not_whole_are_left_and_told(yard: Any, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = DAYS[:2]
    for day in (first, second, date(2999, 1, 1)):
        put(yard.raw, day, make_snapshots(1, DAYS)[first])
    (yard.raw / f"{second}/users.csv").unlink()
    with pytest.raises(jobkit.InputError, match=rf"no snapshot of {second} in .* {second}: there is no users"):
        land(yard, "--date", f"{second}")
    with pytest.raises(jobkit.InputError, match=r"no snapshot of 2024-01-01"):
        land(yard, "--date", "2024-01-01")
    put_lines(yard.raw, f"{first}/users.csv", "user_id,name,town", "1,Pat,Perth")
    with pytest.raises(jobkit.InputError, match=r"users.csv: no line is its header user_id,name,city"):
        land(yard)
    put_lines(yard.raw, f"{first}/users.csv", "user_id,name,city")
    with pytest.raises(jobkit.InputError, match=rf"{first}: no row of users; is the file whole"):
        land(yard)
    told = f"WARNING: 2 days are left for a later run: {second}: there is no users; 2999-01-01: that day has not come yet"
    assert told in capsys.readouterr().out
    assert yard.rows(purchasekit.PRODUCTS.landed) == []


@pytest.mark.parametrize("wrong", ["1999-12-31", "20240301", "2999-01-01", "2024-02-30"])
def test_wrong_arguments_are_named_before_anything_starts(wrong: str) -> None:
    with pytest.raises(jobkit.UsageError, match="--date"):
        app.main(["--input", "x", "--date", wrong], None)
    with pytest.raises(jobkit.UsageError, match="--as-of"):
        as_of.main(["--as-of", wrong], None)
