"""The catalog's roles may do what their names say and no more; making the catalog again changes nothing."""

import base64
from typing import Any

import pytest

from sparkyard.project import ROOT

pytestmark = pytest.mark.cluster
USES = ("jobs", "ingest", "read")
POD = ("-n", "sparkyard", "lake-postgresql-0", "--")


@pytest.fixture(scope="module")
def passwords(yard: Any) -> dict[str, str]:
    secret = yard.kube.get("/api/v1/namespaces/sparkyard/secrets/lake-postgresql")
    return {role: base64.b64decode(text).decode() for role, text in secret["data"].items()}


def psql(yard: Any, passwords: dict[str, str], role: str, sql: str, database: str = "yard") -> str:
    """What psql says, answer or refusal."""
    environment = [f"PGPASSWORD={passwords[role]}", *(f"{use.upper()}_PASSWORD={passwords[f'yard_{use}']}" for use in USES)]
    command = ["psql", "-qtA", "-v", "ON_ERROR_STOP=1", "-h", "localhost", "-U", role, "-d", database]
    together = ["sh", "-c", 'exec "$@" 2>&1', "sh"]  # what else is said comes from kubectl, of its connection
    return str(yard.kubectl("exec", "-i", *POD, "env", *environment, *together, *command, stdin=sql, check=False).stdout)


ROW = "('yard', 'e2e', 'roles', 'a', NULL, 'TABLE')"
INSERT = f"INSERT INTO iceberg_tables VALUES {ROW}"
DELETE = "DELETE FROM iceberg_tables WHERE table_namespace = 'e2e'"


def test_jobs_read_and_write_the_catalog(yard: Any, passwords: dict[str, str]) -> None:
    answer = psql(yard, passwords, "yard_jobs", f"{INSERT}; SELECT table_name FROM iceberg_tables WHERE table_namespace = 'e2e'; {DELETE};")
    assert answer.strip() == "roles"


@pytest.mark.parametrize(
    "sql", ["CREATE TABLE mine (a int)", "DROP TABLE iceberg_tables", "TRUNCATE iceberg_tables", "CREATE TEMP TABLE x (a int)"]
)
def test_jobs_change_no_tables(yard: Any, passwords: dict[str, str], sql: str) -> None:
    assert "ERROR" in psql(yard, passwords, "yard_jobs", sql)


def test_readers_read_and_nothing_else(yard: Any, passwords: dict[str, str]) -> None:
    assert psql(yard, passwords, "yard_read", "SELECT count(*) >= 0 FROM iceberg_tables").strip() == "t"
    for sql in (INSERT, DELETE, "UPDATE iceberg_tables SET metadata_location = 'elsewhere'"):
        assert "permission denied" in psql(yard, passwords, "yard_read", sql)


def test_ingest_writes_rows_of_raw_and_reads_all(yard: Any, passwords: dict[str, str]) -> None:
    raw = INSERT.replace("'e2e'", "'raw'").replace("'roles'", "'e2e'")
    mine = "SELECT count(*) FROM iceberg_tables WHERE (table_namespace, table_name) = ('raw', 'e2e')"
    assert psql(yard, passwords, "yard_ingest", f"{raw}; {mine}; DELETE FROM iceberg_tables WHERE table_name = 'e2e'; {mine}").split() == [
        "1",
        "0",
    ]
    assert "row-level security" in psql(yard, passwords, "yard_ingest", INSERT)
    psql(yard, passwords, "yard_jobs", INSERT)
    try:
        for sql in ("UPDATE iceberg_tables SET metadata_location = 'elsewhere'", DELETE):
            psql(yard, passwords, "yard_ingest", f"BEGIN; {sql} {'AND' if 'WHERE' in sql else 'WHERE'} table_namespace = 'e2e'; COMMIT")
        row = "SELECT metadata_location FROM iceberg_tables WHERE table_namespace = 'e2e'"
        assert psql(yard, passwords, "yard_ingest", row).strip() == "a"
    finally:
        psql(yard, passwords, "yard_jobs", DELETE)


def test_roles_see_no_other_database(yard: Any, passwords: dict[str, str]) -> None:
    sql = "CREATE TABLE mine (a int)"
    assert "ERROR" in psql(yard, passwords, "yard_jobs", sql, database="postgres")
    assert "password authentication failed" in psql(yard, passwords | {"yard_jobs": "wrong"}, "yard_jobs", "SELECT 1")


def test_making_the_catalog_again_changes_nothing(yard: Any, passwords: dict[str, str]) -> None:
    before = psql(yard, passwords, "postgres", "SELECT * FROM iceberg_tables ORDER BY 1, 2, 3", "yard")
    said = psql(yard, passwords, "postgres", (ROOT / "charts/lake/files/catalog.sql").read_text(), "postgres")
    assert "ERROR" not in said
    assert psql(yard, passwords, "postgres", "SELECT * FROM iceberg_tables ORDER BY 1, 2, 3", "yard") == before
