"""Random histories of a shop, landed in two goes: some days late, some wrong at first; the right files in DuckDB."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
from apps.purchases.histories import FIRST, make_snapshots, put
from rotation import TODAY

DAYS = [FIRST + timedelta(number) for number in range(6) if number != 4]  # one has no snapshot


def land(yard: Any, *args: str) -> dict[str, Any]:
    from purchases import land

    return land.main(["--input", yard.uri, *args], yard.spark)


def follow(yard: Any, *args: str) -> dict[str, Any]:
    from purchases import history

    return history.main(["--max-removed", "1", *args], yard.spark)


def read_history(yard: Any) -> dict[str, list[Any]]:
    import purchasekit

    return {kind.name: yard.spark.table(kind.history).collect() for kind in purchasekit.LISTS}


def duck(raw: Path) -> Any:
    """DuckDB with the tables products, users and purchases: the files as they lie there now, each row with the date of its folder."""
    import duckdb

    import purchasekit

    base = duckdb.connect(config={"threads": 1})
    base.sql("SET TimeZone = 'UTC'")
    for kind in purchasekit.LISTS:
        columns = {name: "VARCHAR" if of == "STRING" else of for name, of in kind.columns.items()}
        files = f"read_csv('{raw}/*/{kind.name}.csv', header=true, columns={columns}, quote='\"', escape='\"', filename=true)"
        base.sql(
            f"CREATE TABLE {kind.name} AS SELECT filename[-{len(kind.name) + 15}:][:10]::DATE AS date, {','.join(columns)} FROM {files}"
        )
    return base


@pytest.fixture(scope="session")
def shop(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A lake; `goes` are the snapshots known after each go, and the history then; `landed` what was said of each, `followed` what last."""
    from apps.conftest import Yard

    raw = Path(urlparse(spark.conf.get("spark.hadoop.fs.viewfs.mounttable.raw.linkFallback")).path) / "purchases"
    yard = Yard(spark, tmp_path_factory.mktemp("purchases") / "lake", raw)
    yard.seed = TODAY
    right, wrong = make_snapshots(yard.seed, DAYS), make_snapshots(-yard.seed, DAYS)
    early = random.Random(yard.seed).sample(DAYS, 4)
    first = {day: wrong[day] if number < 2 else right[day] for number, day in enumerate(early)}
    yard.goes, yard.landed = [], []
    for known in (first, right):
        for day, snapshot in known.items():
            put(raw, day, snapshot)
        if known is first:
            with (raw / f"{early[0]}/users.csv").open("a") as file:
                file.write("broken\n")
        landed, yard.followed = land(yard, "--max-rejected", "0.1"), follow(yard)
        yard.landed.append(landed)
        yard.goes.append((known, read_history(yard)))
    yard.duck = duck(raw)
    return yard
