"""Databases that the tests publish to: a PostgreSQL of their own, and the SQL Server of whoever names one."""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from charts.apiserver import free_port
from charts.certificates import make_certificate

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "scripts" / "dev"))
import postgres

SQLSERVER = "SPARKYARD_TEST_SQLSERVER"  # a file that says the connection; its user may create tables
SCHEMAS = {"postgresql": "public", "sqlserver": "dbo"}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Server]:
    folder = tmp_path_factory.mktemp("certificate")
    make_certificate(folder, "DNS:localhost")
    with postgres.serve(free_port(), folder, "fsync=off") as server:
        yield server


class Database:
    """A connection of the name `db`, and a target that no other test uses."""

    def __init__(self, kind: str, spark: Any) -> None:
        self.kind, self.spark = kind, spark
        self.target = f"{SCHEMAS[kind]}.t{secrets.token_hex(6)}"

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        import jobsql
        from sqlsession import Session

        with closing(Session(self.spark, jobsql.load_connection("db"))) as session:
            return session.ask(statement, *values)

    def do(self, statement: str) -> None:
        import jobsql
        from sqlsession import Session

        with closing(Session(self.spark, jobsql.load_connection("db"))) as session:
            session.do(statement)

    def rows(self, columns: str = "*") -> list[tuple[Any, ...]]:
        return sorted(self.ask(f"SELECT {columns} FROM {self.target}"))

    def stages(self) -> list[tuple[Any, ...]]:
        return self.ask("SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME LIKE 'sparkyard_stage%'")

    def ledger(self) -> list[tuple[Any, ...]]:
        schema = SCHEMAS[self.kind]
        return self.ask(f"SELECT number, rows_there FROM {schema}.sparkyard_published WHERE target = ? ORDER BY number", self.target)


@pytest.fixture
def connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "connections"
    folder.mkdir()
    monkeypatch.setenv("SPARKYARD_CONNECTIONS", str(folder))
    return folder


@pytest.fixture(params=["postgresql", "sqlserver"])
def db(request: pytest.FixtureRequest, connections: Path, spark: Any) -> Iterator[Database]:
    if request.param == "postgresql":
        said = request.getfixturevalue("server").connection(tls="verify")
    elif SQLSERVER in os.environ:
        said = Path(os.environ[SQLSERVER]).read_text()
    else:
        pytest.skip(f"no SQL Server: {SQLSERVER} names no connection file")
    (connections / "db.toml").write_text(said)
    database = Database(request.param, spark)
    yield database
    database.do(f"DROP TABLE IF EXISTS {database.target}")


@pytest.fixture
def libpq(server: postgres.Server) -> Iterator["psycopg.Connection[tuple[Any, ...]]"]:
    """Another client than the job's: what it reads is what is there."""
    with psycopg.connect(server.dsn(), autocommit=True, options="-c TimeZone=UTC") as link:
        yield link
