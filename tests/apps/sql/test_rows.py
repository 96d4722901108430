"""The bytes of a row are what PostgreSQL takes for the same values: of decimals of any size, and at the ends of all other numbers."""

from decimal import Decimal
from typing import Any

import psycopg
import pytest

import sqlrows
import sqlstage
from sqlwords import make_columns

pytestmark = [pytest.mark.java, pytest.mark.postgres]
DECIMALS = [(1, 0), (5, 5), (9, 2), (18, 4), (18, 18), (19, 0), (38, 0), (38, 9), (38, 38)]
NUMBERS = {
    "double": [float("nan"), float("inf"), float("-inf"), -0.0, 5e-324, -1.7976931348623157e308],
    "float": [float("nan"), float("inf"), float("-inf"), -0.0, 0.5, -65536.0],  # as text, these are what they are
    "bigint": [-(2**63), 2**63 - 1, -1, 0, 1, 258],
    "int": [-(2**31), 2**31 - 1, -1, 0, 1, 258],
    "smallint": [-(2**15), 2**15 - 1, -1, 0, 1, 258],
    "tinyint": [-128, 127, -1, 0, 1, 2],
}


def amounts(precision: int, scale: int) -> list[Decimal]:
    digits = int("9080706050403020109876543210123456789012"[:precision])
    return [Decimal(f"{number}e-{scale}") for number in (10**precision - 1, 1 - 10**precision, -1, 0, 10 ** (precision - 1), digits)]


def test_every_number_arrives_as_it_was(spark: Any, server: Any, libpq: "psycopg.Connection[tuple[Any, ...]]") -> None:
    columns = {f"decimal({precision},{scale})": amounts(precision, scale) for precision, scale in DECIMALS} | NUMBERS
    schema = ", ".join(["n int", *(f"`{kind}` {kind}" for kind in columns)])
    rows = [(n, *values) for n, values in enumerate(zip(*columns.values(), strict=True))] + [(6, *[None] * len(columns))]
    frame = spark.createDataFrame(rows, schema)
    types = ", ".join(f'"{column.name}" {column.type}' for column in make_columns("postgresql", frame.schema, {}, {}))
    libpq.execute(f"CREATE TEMP TABLE numbers ({types})")
    with libpq.cursor().copy("COPY numbers FROM STDIN (FORMAT BINARY)") as stream:
        stream.write(sqlrows.HEADER + b"".join(row.row for row in sqlrows.as_rows(sqlstage.apart(frame)).collect()) + sqlrows.END)
    assert list(map(str, libpq.execute("SELECT * FROM numbers ORDER BY n").fetchall())) == list(map(str, map(settled, rows)))
    assert spark.conf.get("spark.sql.ansi.enabled") == "true"


def settled(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Without an exponent, as the database tells it."""
    return tuple(Decimal(f"{value:f}") if isinstance(value, Decimal) else value for value in row)
