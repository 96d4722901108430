"""SQL as input of a job: in parts, with only what is asked for."""

import re
from collections.abc import Callable
from typing import Any

import pytest

import jobkit
import jobsql

pytestmark = [pytest.mark.java, pytest.mark.postgres]
FILE = 'kind = "postgresql"\nhost = "db.example.com"\ndatabase = "d"\nuser = "u"\npassword = "p-a-s-s"\n'


@pytest.fixture
def orders(db: Any) -> Any:
    """400 orders whose numbers have holes; `paid` is null for some."""
    db.do(f"CREATE TABLE {db.target} (id int PRIMARY KEY, total decimal(9,2), paid date)")
    days = [f"'2026-01-{number % 28 + 1:02}'" if number % 5 else "NULL" for number in range(400)]
    values = [f"({number * 7}, {number}.25, {day})" for number, day in enumerate(days)]
    db.do(f"INSERT INTO {db.target} VALUES {', '.join(values)}")
    return db


def test_a_table_is_read_in_parts_by_its_key(orders: Any) -> None:
    rows = jobsql.read(orders.spark, f"sql://db/{orders.target}")
    assert rows.rdd.getNumPartitions() == 8
    assert sorted(row.id for row in rows.collect()) == [number * 7 for number in range(400)]
    sizes = [len(part) for part in rows.rdd.glom().collect()]
    assert max(sizes) <= 51


@pytest.mark.parametrize("column", ["paid", "total"])
def test_any_column_that_sorts_will_do_and_nulls_are_read_too(orders: Any, column: str) -> None:
    rows = jobsql.read_sql(orders.spark, "db", orders.target, column=column, parts=4)
    assert rows.rdd.getNumPartitions() == 4
    assert sorted(row.id for row in rows.collect()) == [number * 7 for number in range(400)]


def test_a_query_is_read_and_filters_are_asked_of_the_database(orders: Any) -> None:
    rows = jobsql.read(orders.spark, f"sql://db/SELECT id, total * 2 AS twice FROM {orders.target} WHERE id < 70")
    found = rows.where("id >= 35").select("id")
    assert sorted(row.id for row in found.collect()) == [35, 42, 49, 56, 63]
    plan = found._jdf.queryExecution().executedPlan().toString()
    assert re.search(r"PushedFilters: \[.*GreaterThanOrEqual\(id,35\)", plan)
    assert "ReadSchema: struct<id:int>" in plan, "and only the columns that are asked for"
    assert "only-for-this-test" not in plan


def test_an_empty_table_is_no_error(db: Any) -> None:
    db.do(f"CREATE TABLE {db.target} (id int PRIMARY KEY)")
    assert jobsql.read_sql(db.spark, "db", db.target).collect() == []


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("", r"missing: database, host, kind, password, user"),
        (FILE + 'pasword = "typo"', r"unknown: pasword"),
        (FILE.replace("postgresql", "oracle"), r"kind is one of postgresql, sqlserver"),
        (FILE + 'tls = "maybe"', r"tls is one of verify, encrypt, off"),
        (FILE.replace("db.example.com", "db;encrypt=false"), r"host is no name or address"),
        (FILE.replace("postgresql", "sqlserver") + 'ca = "x"', r"global\.trustedCa"),
        ("kind = ", r"Invalid value"),
    ],
)
def test_a_connection_that_is_wrong_is_told_without_its_secrets(connections: Any, said: str, words: str) -> None:
    (connections / "db.toml").write_text(said)
    with pytest.raises(jobkit.InputError, match=rf"connection db: .*db\.toml: .*{words}") as error:
        jobsql.load_connection("db")
    assert "p-a-s-s" not in str(error.value)


def test_connections_are_encrypted_and_verified_unless_their_file_says_otherwise() -> None:
    def options(kind: str, tls: str) -> dict[str, str]:
        return jobsql.jdbc_options(jobsql.Connection("db", kind, "h", "d/a b", "u", "p", tls=tls))

    names = ("encrypt", "trustServerCertificate")
    seen = {tls: tuple(options("sqlserver", tls)[name] for name in names) for tls in jobsql.TLS_OF_LIBPQ}
    assert seen == {"verify": ("true", "false"), "encrypt": ("true", "true"), "off": ("false", "false")}
    assert [options("postgresql", tls)["sslmode"] for tls in jobsql.TLS_OF_LIBPQ] == ["verify-full", "require", "disable"]
    assert options("postgresql", "verify")["url"] == "jdbc:postgresql://h:5432/d%2Fa%20b"
    assert options("sqlserver", "verify")["url"] == "jdbc:sqlserver://h:1433", "the database's name is no part of it"
    assert jobsql.Connection("db", "sqlserver", "h", "d", "u", "p").tls == "verify"


@pytest.mark.parametrize(
    ("kind", "name", "quoted"),
    [("postgresql", 'a"b', '"a""b"'), ("postgresql", "a]b", '"a]b"'), ("sqlserver", "a]b", "[a]]b]"), ("sqlserver", 'a"b', '[a"b]')],
)
def test_a_name_cannot_end_its_quotes(kind: str, name: str, quoted: str) -> None:
    assert jobsql.quote(kind, name) == quoted
    for none in ("", "a\0b"):
        with pytest.raises(jobkit.UsageError, match="no name of a table or column"):
            jobsql.quote(kind, none)


@pytest.mark.parametrize(("place", "tries"), [("a cluster", 3), ("a laptop", 1)])
def test_only_on_a_cluster_a_refusal_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, sleep_as: Callable[..., None], place: str, tries: int
) -> None:
    sleep_as(jobsql)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    if place == "a cluster":
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    answers = iter([OSError("Connection refused"), OSError("Connection refused"), ValueError("password is wrong")])

    def connect() -> None:
        raise next(answers)

    with pytest.raises((OSError, ValueError)):
        jobsql.patiently(connect)
    assert 3 - len(list(answers)) == tries
