"""The sample with ten other indicators, landed once for all tests, and the same file in DuckDB."""

from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest

import wdikit
from sparkyard.samples import wdi as sample


def put(raw: Path, **more: Any) -> Path:
    ((name, content),) = sample.make_files(0.006, **more)
    raw.mkdir(parents=True, exist_ok=True)
    (raw / name).write_bytes(content)
    return raw / name


def duck(file: Path, first: int, last: int) -> Any:
    """DuckDB with the table `wdi`, long, made by UNPIVOT."""
    import duckdb

    base = duckdb.connect(config={"threads": 1})
    base.sql("CREATE TABLE names (indicator_code VARCHAR, indicator VARCHAR)")
    base.executemany("INSERT INTO names VALUES (?, ?)", list(wdikit.INDICATORS.items()))
    base.sql(f"""CREATE TABLE wdi AS
        WITH wide AS (SELECT * FROM read_csv('{file}', header=true, all_varchar=true, delim=',', quote='"', null_padding=true)
                      WHERE "Indicator Code" IN (SELECT indicator_code FROM names)),
             long AS (FROM wide UNPIVOT INCLUDE NULLS (value FOR year IN (COLUMNS('^[0-9]{{4}}$'))))
        SELECT "Country Name" AS country, "Country Code" AS country_code, "Country Code" IN {tuple(sample.AGGREGATES)} AS is_aggregate,
               names.indicator, indicator_code, year::INT AS year, nullif(value, '')::DOUBLE AS value
        FROM long JOIN names ON indicator_code = "Indicator Code" WHERE year::INT BETWEEN {first} AND {last}""")
    return base


@pytest.fixture(scope="session")
def wdi(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A lake; `landed` is what landing said, `duck` the same file in DuckDB."""
    from apps.conftest import Yard

    from wdi import land, means

    raw = Path(urlparse(spark.conf.get("spark.hadoop.fs.viewfs.mounttable.raw.linkFallback")).path) / "wdi"
    yard = Yard(spark, tmp_path_factory.mktemp("wdi") / "lake", raw)
    file = put(raw)
    yard.landed = land.main(["--input", yard.uri], yard.spark)
    yard.means = means.main([], yard.spark)
    yard.duck = duck(file, 2000, 2024)
    return yard


def approx(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [tuple(pytest.approx(value, rel=1e-9) if isinstance(value, float) else value for value in row) for row in sorted(rows, key=repr)]
