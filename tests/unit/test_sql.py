"""SQL without a JVM: names, current files, and tables whose files alone do not say what their rows are."""

import importlib
import io
import json
from contextlib import nullcontext
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from sparkyard import lake, sql
from sparkyard.errors import UsageError
from sparkyard.local.catalog import ensure_catalog

KNOWN = ["yard.refined.a", "yard.refined.a_b", "yard.trusted.a"]
WHEN = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("select * from refined.a", ["yard.refined.a"]),
        ("select * from YARD.Refined.A_B x join trusted.a using (k)", ["yard.refined.a_b", "yard.trusted.a"]),
        ('from "yard"."refined" . "a"', ["yard.refined.a"]),
        ("select 1 from other.refined.a, refined.ab, unrefined.a", []),
    ],
)
def test_tables_are_found_by_their_names(query: str, named: list[str]) -> None:
    assert sql.find_names(query, KNOWN) == named


@pytest.fixture
def catalog(tmp_path: Path) -> SqlCatalog:
    ensure_catalog(tmp_path)
    made = SqlCatalog("yard", uri=f"sqlite:///{tmp_path / 'catalog.db'}", warehouse=str(tmp_path / "lake"), init_catalog_tables="false")
    made.create_namespace("refined")
    return made


def put(catalog: SqlCatalog, **columns: Any) -> Any:
    rows = pa.table(columns)
    table = catalog.create_table("refined.a", rows.schema)
    table.append(rows)
    return table


def ask(catalog: SqlCatalog, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in sql.run_query(catalog, query).to_pylist()]


def test_an_answer_comes_from_the_current_files(catalog: SqlCatalog) -> None:
    table = put(catalog, n=[1, 2], seen=pa.array([WHEN, None], pa.timestamp("us", tz="UTC")), words=[["x"], None])
    assert ask(catalog, "select n, seen, words from refined.a where n < 2") == [(1, WHEN, ["x"])]
    assert ask(catalog, "select count(*) from yard.refined.a where seen >= '2026-01-02'") == [(1,)]
    with table.update_schema() as change:
        change.add_column("more", table.schema().find_type("n"))
    assert ask(catalog, "select sum(n), count(more), count(*) from refined.a") == [(3, 0, 2)]
    table.overwrite(pa.table({"n": [7], "more": [8]}))
    assert ask(catalog, "select n, more from refined.a") == [(7, 8)]
    table.delete()
    assert ask(catalog, "select count(*) from refined.a") == [(0,)]


def test_a_name_that_meant_another_column_is_read_by_its_number(catalog: SqlCatalog) -> None:
    table = put(catalog, n=[1, 2], k=[3, 4])
    assert sql.are_names_enough(table)
    with table.update_schema() as change:
        change.rename_column("n", "old")
    with table.update_schema() as change:
        change.rename_column("k", "n")
    assert not sql.are_names_enough(table)
    assert ask(catalog, "select old, n from refined.a order by 1") == [(1, 3), (2, 4)]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select * from refined.nope", "no such table: refined.nope; there are: yard.refined.events"),
        ("select * from refind.event", "no such table: refind.event; near it: yard.refined.events"),
        ("select * from EVENT", "no such table: EVENT; near it: yard.refined.events"),
        ("select nope from refined.events", "nope"),
        ("drop view refined.a", "one query and nothing else, not DROP"),
        ("select 1; select 2", "not SELECT and SELECT"),
        ("selec", "syntax error"),
    ],
)
def test_what_is_no_answer_says_why(catalog: SqlCatalog, query: str, said: str) -> None:
    catalog.create_table("refined.events", pa.schema([("n", pa.int64())]))
    with pytest.raises(UsageError, match=said):
        sql.run_query(catalog, query)


def test_what_spark_did_not_find_has_names_near_it() -> None:
    said = "--query: [TABLE_OR_VIEW_NOT_FOUND] The table or view `yard`.`refined`.`ab` cannot be found. Verify"
    assert sql.explain(said, KNOWN).what == "no such table: refined.ab; near it: yard.refined.a, yard.refined.a_b, yard.trusted.a"


@pytest.mark.parametrize("query", ["drop table refined.a", " Insert into refined.a values (1)", "MERGE INTO x USING y"])
def test_a_write_is_refused_before_spark_starts(query: str) -> None:
    with pytest.raises(UsageError, match=f"not {query.split()[0].upper()}: a lake is only read here"):
        sql.check_reads(query)


def test_tables_are_shown_and_columns_of_one_name_told_apart(catalog: SqlCatalog) -> None:
    put(catalog, n=[1])
    assert sql.run_query(catalog, "Show tables;").to_pydict() == {"name": ["yard.refined.a"]}
    assert sql.run_query(catalog, "select n, n + 1 as n, 5 as k, 6 as n from refined.a").to_pylist() == [
        {"n": 1, "n_2": 2, "k": 5, "n_3": 6}
    ]


def test_tables_are_listed_by_how_their_own_names_begin(catalog: SqlCatalog) -> None:
    catalog.create_namespace("trusted")
    for name in ("trusted.a_b", "refined.a_c", "refined.b_a"):
        catalog.create_table(name, pa.schema([("n", pa.int64())]))
    assert lake.list_tables(catalog) == ["yard.refined.a_c", "yard.refined.b_a", "yard.trusted.a_b"]
    assert lake.list_tables(catalog, "a_") == ["yard.refined.a_c", "yard.trusted.a_b"]
    assert lake.list_tables(catalog, "a_c", "b_") == ["yard.refined.a_c", "yard.refined.b_a"]
    assert lake.list_tables(catalog, "refined") == []


def test_people_are_shown_a_hundred_rows_and_programs_all(
    catalog: SqlCatalog, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = importlib.import_module("sparkyard.cli.sql")
    monkeypatch.setattr(command, "open_catalog", lambda *_: nullcontext(catalog))
    command.sql("select range + 1000 as n from range(101)")
    told = "".join(capsys.readouterr())
    assert "100 of 101 rows" in told
    assert "1,099" in told
    assert "1,100" not in told
    monkeypatch.setattr("sys.stdin", io.StringIO("select range as n from range(101)"))
    command.sql("-", json_=True)
    assert json.loads(capsys.readouterr().out) == [{"n": number} for number in range(101)]


def test_a_plot_reads_what_it_is_of(catalog: SqlCatalog) -> None:
    put(catalog, day=pa.array([WHEN.date(), date(2026, 1, 3)]), n=[1, 2])
    assert lake.load_table(catalog, "refined.a", columns=("n",), where={"day": "2026-01-03"}).to_pydict() == {"n": [2]}


def test_an_answer_of_spark_is_taken_in_its_order_and_its_table_goes(catalog: SqlCatalog, tmp_path: Path) -> None:
    table = catalog.create_table("refined.answer", pa.schema([(sql.NUMBER, pa.int64()), ("n", pa.int64())]))
    table.append(pa.table({sql.NUMBER: [2, 0, 1], "n": [30, 10, 20]}))
    assert sql.take_answer(catalog, "yard.refined.answer").to_pydict() == {"n": [10, 20, 30]}
    assert catalog.list_tables("refined") == []
    assert not list((tmp_path / "lake").rglob("answer"))
