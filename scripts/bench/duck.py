"""DuckDB on the same gzip CSV files, every question anew: duck.py PORT FOLDER"""

import sys
from collections.abc import Callable
from functools import partial

import duckdb
from questions import COLUMNS, SQL
from worker import Rows, serve

WORDS = {"explode": "unnest", "series": "generate_series", "ignore_nulls": " IGNORE NULLS"}


def connect(folder: str) -> duckdb.DuckDBPyConnection:
    database = duckdb.connect()
    for table, declared in COLUMNS.items():
        columns = dict(column.split() for column in declared.split(", "))
        database.sql(f"CREATE VIEW {table} AS FROM read_csv('{folder}/{table}/*.gz', header=false, columns={columns})")
    return database


def ask(name: str, database: duckdb.DuckDBPyConnection) -> Callable[[], Rows]:
    rows = answer(database, name)
    return lambda: rows


def answer(database: duckdb.DuckDBPyConnection, name: str) -> Rows:
    return [list(row) for row in database.sql(SQL[name].format(**WORDS)).fetchall()]


if __name__ == "__main__":
    database = connect(sys.argv[2])
    serve(int(sys.argv[1]), {"start": lambda: list} | {name: partial(ask, name, database) for name in SQL})
