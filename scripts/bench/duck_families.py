"""DuckDB on the same files, every question anew: duck_families.py PORT FOLDER, whose name is the family's."""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import duckdb
from families_sql import CELLS, CITIES, FLAT, MARTS, WDI, km
from worker import Rows, serve

from sparkyard.samples.wdi import INDICATORS

JOINED = "string_agg(city, '>' ORDER BY time, message_id)"
SQL = {"marts": {name: sql.format(local="local", joined=JOINED, epoch="epoch") for name, sql in MARTS.items()}, "wdi": WDI}


def connect_marts(folder: str) -> duckdb.DuckDBPyConnection:
    """The nearest city of each event as an aggregate of what is far from it and what is near."""
    base = duckdb.connect()
    base.sql(f"""CREATE MACRO local(time, zone) AS (time AT TIME ZONE 'UTC') AT TIME ZONE zone;
        CREATE VIEW geo AS FROM read_csv('{folder}/geo.csv', delim=';', all_varchar=true);
        CREATE VIEW timezones AS FROM read_csv('{folder}/timezones.csv', delim=';');
        CREATE VIEW cities AS {CITIES};
        CREATE VIEW flat AS SELECT {FLAT} FROM read_parquet('{folder}/events/*/*.parquet', hive_partitioning=true);
        CREATE VIEW events AS
        WITH numbered AS (SELECT *, row_number() OVER () AS n FROM flat),
             near AS (SELECT n, unnest(arg_min(cities, ({km("lat", "lon", "city_lat", "city_lon")}, city_id)))
                      FROM numbered, cities WHERE lat IS NOT NULL GROUP BY n)
        SELECT numbered.*, near.city_id, near.city, near.timezone FROM numbered LEFT JOIN near USING (n)""")
    return base


def connect_wdi(folder: str) -> duckdb.DuckDBPyConnection:
    base = duckdb.connect()
    base.sql(f"""CREATE VIEW means AS
        WITH wide AS (SELECT * FROM read_csv('{folder}/WDICSV.csv', header=true, all_varchar=true, delim=',', quote='"', null_padding=true)
                      WHERE "Indicator Code" IN {tuple(INDICATORS)}),
             long AS (FROM wide UNPIVOT INCLUDE NULLS (value FOR year IN (COLUMNS('^20(0[0-9]|1[0-9]|2[0-4])$')))),
             rows AS (SELECT "Country Code" AS country_code, "Country Name" AS country, "Indicator Code" AS code,
                             CAST(nullif(value, '') AS DOUBLE) AS value FROM long)
        SELECT country_code, country, {CELLS} FROM rows GROUP BY country_code, country""")
    return base


def ask(base: duckdb.DuckDBPyConnection, sql: str) -> Callable[[], Rows]:
    rows = [list(row) for row in base.sql(sql).fetchall()]
    return lambda: rows


def make_questions(folder: str) -> Mapping[str, Callable[[], Callable[[], Rows]]]:
    family = Path(folder).name
    base = {"marts": connect_marts, "wdi": connect_wdi}[family](folder)
    return {"start": lambda: list} | {name: partial(ask, base, sql) for name, sql in SQL[family].items()}


if __name__ == "__main__":
    serve(int(sys.argv[1]), make_questions(sys.argv[2]))
