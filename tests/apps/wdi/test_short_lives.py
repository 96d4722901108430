"""Countries with short lives against DuckDB: aggregates are none, what is unknown is not below."""

from typing import Any

import pytest
from apps.wdi.conftest import approx

from wdi import short_lives

pytestmark = pytest.mark.java
SQL = """SELECT row_number() OVER (ORDER BY mean, country_code)::INT, * FROM
    (SELECT country, country_code, avg(value) AS mean, count(value) AS years, count(value) / 25 FROM wdi
     WHERE indicator = 'life_expectancy' AND NOT is_aggregate GROUP BY ALL) WHERE mean < {below}"""


@pytest.mark.parametrize("below", [70, 63.5])
def test_every_cell_equals_duckdb(wdi: Any, below: float) -> None:
    result = short_lives.main(["--below", str(below)], wdi.spark)
    rows = [tuple(row) for row in wdi.spark.table(short_lives.QUESTION.table).collect()]
    assert sorted(rows, key=repr) == approx(wdi.duck.sql(SQL.format(below=below)).fetchall())
    assert result["facts"]["below"] == len(rows) > 2
    codes = {row[2] for row in rows}
    assert ("KEN" in codes, "PER" in codes) == (below == 70, False), "69.99 and 70.01"
