"""Landed indicators against the same file in DuckDB, cell by cell; columns found by name, broken lines kept."""

from typing import Any

import pytest
from apps.wdi.conftest import put

import jobkit
import wdikit
from sparkyard.samples import wdi as sample
from wdi import land

pytestmark = pytest.mark.java
HEADER = '"Country Name","Country Code","Indicator Name","Indicator Code","2022","2023","2024"'
LIFE = '"Life, total","SP.DYN.LE00.IN"'


def run(yard: Any, *more: str) -> dict[str, Any]:
    return land.main(["--input", yard.uri, *more], yard.spark)


def put_lines(yard: Any, *lines: str, header: str = HEADER, end: str = "\n") -> None:
    yard.raw.mkdir(parents=True, exist_ok=True)
    (yard.raw / "WDICSV.csv").write_bytes(end.join([header, *lines, ""]).encode())


def test_every_cell_equals_the_file(wdi: Any) -> None:
    found = [tuple(row) for row in wdi.spark.table(wdikit.ROWS).collect()]
    expected = wdi.duck.sql("SELECT * FROM wdi").fetchall()
    assert sorted(found, key=repr) == sorted(expected, key=repr)
    assert len(found) == (32 * 6 - 1) * 25 == wdi.landed["rows"]["written"]
    assert wdi.landed["facts"]["lines_of_other_indicators"] == 9 * 32
    assert {country for (country,) in wdi.spark.table(wdikit.ROWS).select("country").distinct().collect()} >= {"Korea, Rep.", "Türkiye"}


def test_landed_again_nothing_is_written(wdi: Any) -> None:
    before = wdi.snapshots()
    assert "nothing_new" in run(wdi)["facts"]
    assert wdi.snapshots() == before


@pytest.mark.parametrize(
    ("header", "lines", "end"),
    [
        (HEADER, [f'"Korea, Rep.","KOR",{LIFE},80.5,,81'], "\r\n"),
        (f"{HEADER},", [f'"Korea, Rep.","KOR",{LIFE},80.5,,81,'], "\n"),
        (f"{HEADER},", [f'"Korea, Rep.","KOR",{LIFE},80.5,,81'], "\n"),
        (HEADER, [f'"Korea, Rep.","KOR",{LIFE},"80.5","","81",""'], "\n"),
        (HEADER.replace('"', ""), [f'"Korea, Rep.",KOR,{LIFE}, 80.5 ,,81'], "\n"),
        (",".join([*HEADER.split(",")[:4], '"2024"', '"2023"', '"2022"']), [f'"Korea, Rep.","KOR",{LIFE},81,,80.5'], "\n"),
    ],
)
def test_years_are_found_by_name_and_an_empty_last_column_harms_nothing(yard: Any, header: str, lines: list[str], end: str) -> None:
    put_lines(yard, *lines, header="\ufeff" + header, end=end)
    result = run(yard, "--years", "2022-2024")
    rows = [tuple(row) for row in yard.spark.table(wdikit.ROWS).orderBy("year").select("country", "year", "value").collect()]
    assert rows == [("Korea, Rep.", 2022, 80.5), ("Korea, Rep.", 2023, None), ("Korea, Rep.", 2024, 81.0)]
    assert result["rows"] == {"read": 1, "rejected": 0, "written": 3}


def test_a_line_is_a_row_or_has_its_reason(yard: Any) -> None:
    good = f'"Kenya","KEN",{LIFE},70,70,70'
    bad = {
        "": "blank line",
        f'"Kenya","KEN",{LIFE},70,70': "too few columns",
        f'"Kenya","KEN",{LIFE},70,70,70,1': "too many columns",
        f'"Kenya","",{LIFE},70,70,70': "no country",
        f'"Chad","TCD",{LIFE},70,n/a,70': "text where a number belongs",
        f'"Mali","MLI",{LIFE},70,NaN,70': "text where a number belongs",
    }
    put_lines(yard, good, *bad, '"Kenya","KEN","Other","XX.1",a,b,c')
    years = ("--years", "2022-2024")
    with pytest.raises(jobkit.InputError, match=r"6 of 8 rows rejected"):
        run(yard, *years)
    assert not yard.spark.catalog.tableExists(wdikit.ROWS)
    assert dict(yard.rows(land.QUARANTINE, "line", "reason")) == bad
    result = run(yard, *years, "--max-rejected", "0.8")
    assert result["rows"] == {"read": 8, "rejected": 6, "written": 3}
    put_lines(yard, good, good)
    with pytest.raises(jobkit.JobError, match="a country has an indicator once"):
        run(yard, *years)


def test_as_many_lines_are_rejected_as_were_broken(yard: Any) -> None:
    put(yard.raw, broken=0.05)
    result = run(yard, "--max-rejected", "0.06")
    assert result["rows"]["rejected"] == round(0.05 * result["rows"]["read"]) > 20


def test_what_is_not_there_is_told(yard: Any) -> None:
    put_lines(yard, f'"Kenya","KEN",{LIFE},70,70,70')
    with pytest.raises(jobkit.InputError, match=r"its header lacks 2021"):
        run(yard, "--years", "2021-2024")
    put_lines(yard, '"Kenya","KEN","Other","XX.1",1,2,3')
    with pytest.raises(jobkit.InputError, match="no line of any of the indicators"):
        run(yard, "--years", "2022-2024")
    (yard.raw / "WDICSV.csv").rename(yard.raw / "other.csv")
    with pytest.raises(jobkit.InputError, match=r"no WDICSV\.csv"):
        run(yard)


@pytest.mark.parametrize("wrong", ["1959-2000", "2000-2101", "x", "2020", "2020-2019"])
def test_wrong_years_are_named_before_anything_starts(wrong: str) -> None:
    with pytest.raises(jobkit.UsageError, match="--years"):
        land.main(["--input", "s3a://raw/nothing/", "--years", wrong], None)


def test_the_sample_has_its_traps(wdi: Any) -> None:
    ask = lambda sql: wdi.duck.sql(sql).fetchall()  # noqa: E731
    assert ask("SELECT country_code, year FROM wdi WHERE indicator = 'life_expectancy' AND value IS NULL") == [sample.GAP]
    assert len(ask("SELECT DISTINCT country FROM wdi WHERE country LIKE '%,%'")) > 5
