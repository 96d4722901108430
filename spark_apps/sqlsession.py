"""A session with a SQL database from the driver: statements, one transaction, locks, and the ledger of what was published.

Here, and in sqlstage, is what Spark Connect lacks: the driver's own JDBC connection, and tasks that hold one each.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from pyspark.sql import SparkSession

from jobkit import InputError, JobError, explain
from jobsql import Connection, jdbc_options, patiently, quote_table
from sqlwords import LEDGER, LEDGER_COLUMNS, STAGE, Words, drop_stage

PATIENCE = 3600  # seconds for another run that publishes the same table
LOCK = {
    "postgresql": "SELECT CASE WHEN pg_try_advisory_lock(hashtextextended(?, 0)) THEN 0 ELSE -1 END",
    "sqlserver": "SET NOCOUNT ON; DECLARE @got int; EXEC @got = sp_getapplock @Resource = ?, @LockMode = 'Exclusive',"
    " @LockOwner = 'Session', @LockTimeout = 0; SELECT @got",
}
UNLOCK = {
    "postgresql": "SELECT pg_advisory_unlock(hashtextextended(?, 0))",
    "sqlserver": "EXEC sp_releaseapplock @Resource = ?, @LockOwner = 'Session'",
}
COLUMNS = (
    "SELECT COLUMN_NAME, COALESCE(CHARACTER_MAXIMUM_LENGTH, 0) FROM INFORMATION_SCHEMA.COLUMNS"
    " WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION"
)
COLUMN_TYPES = "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = to_regclass(?) AND NOT attisdropped"
TABLES = "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = ?"


# A table that loses nothing when another takes its place: only its grants, which can be given again. Views hang on it as `n`, policies,
# constraints, publications and sequences as `a`; one that a publication of a whole schema names has no such line.
PLAIN = (
    "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_class toast ON toast.oid = c.reltoastrelid"
    " WHERE c.oid = to_regclass(?) AND c.relkind = 'r' AND c.relpersistence = 'p' AND c.relowner = current_user::regrole AND NOT"
    " (c.relhasindex OR c.relhastriggers OR c.relrowsecurity OR c.relispartition OR c.relhassubclass)"
    " AND c.reloptions IS NULL AND toast.reloptions IS NULL AND c.reltablespace = 0 AND c.relreplident = 'd' AND c.reloftype = 0"
    " AND c.relam = (SELECT oid FROM pg_am WHERE amname = current_setting('default_table_access_method')) AND NOT EXISTS"
    " (SELECT FROM pg_depend WHERE refclassid = 'pg_class'::regclass AND refobjid = c.oid AND deptype IN ('n', 'a')) AND NOT EXISTS"
    " (SELECT FROM pg_publication_tables p WHERE p.schemaname = n.nspname AND p.tablename = c.relname) AND NOT EXISTS"
    " (SELECT FROM pg_description WHERE classoid = 'pg_class'::regclass AND objoid = c.oid) AND NOT EXISTS"
    " (SELECT FROM pg_seclabel WHERE classoid = 'pg_class'::regclass AND objoid = c.oid) AND NOT EXISTS"
    " (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND (atthasdef OR attidentity <> '' OR attacl IS NOT NULL"
    " OR attoptions IS NOT NULL OR coalesce(attstattarget, -1) >= 0))"
)
WHO = "CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END"
GRANTS = (
    f"SELECT format('GRANT %s ON %s TO %s', a.privilege_type, ?::text, {WHO})"
    " || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END"
    " FROM pg_class c, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a WHERE c.oid = to_regclass(?)"
)
# What a new table grants by itself (ALTER DEFAULT PRIVILEGES).
REVOKES = (
    f"SELECT DISTINCT format('REVOKE ALL ON %s FROM %s', ?::text, {WHO})"
    " FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = to_regclass(?) AND a.grantee <> c.relowner"
)


class Session:
    """Locks belong to the session: they go with the process that holds it, however that ends."""

    def __init__(self, spark: SparkSession, connection: Connection) -> None:
        options = jdbc_options(connection)
        properties = spark._jvm.java.util.Properties()
        for key, value in options.items():
            properties.setProperty(key, value)
        try:
            self.jdbc = patiently(lambda: spark._jvm.java.sql.DriverManager.getConnection(options["url"], properties))
        except Exception as error:
            raise InputError(f"connection {connection.name}: {connection.kind} at {connection.address}: {explain(error)}") from None
        self.connection, self.kind = connection, connection.kind

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._prepared(statement, values) as prepared:
            rows = prepared.executeQuery()
            width = rows.getMetaData().getColumnCount()
            found = []
            while rows.next():
                found.append(tuple(rows.getObject(place + 1) for place in range(width)))
            return found

    def do(self, statement: str, *values: Any) -> int:
        with self._prepared(statement, values) as prepared:
            return int(prepared.executeUpdate())

    @contextmanager
    def _prepared(self, statement: str, values: tuple[Any, ...]) -> Iterator[Any]:
        prepared = self.jdbc.prepareStatement(statement)
        try:
            for place, value in enumerate(values):
                prepared.setObject(place + 1, value)
            yield prepared
        finally:
            prepared.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it, or nothing."""
        self.jdbc.setAutoCommit(False)
        try:
            yield
            self.jdbc.commit()
        except BaseException:
            self.jdbc.rollback()
            raise
        finally:
            self.jdbc.setAutoCommit(True)

    def try_lock(self, name: str) -> bool:
        return int(self.ask(LOCK[self.kind], name)[0][0]) >= 0

    def unlock(self, name: str) -> None:
        if self.kind == "sqlserver":
            self.do(UNLOCK[self.kind], name)
        else:
            self.ask(UNLOCK[self.kind], name)

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        deadline = time.monotonic() + PATIENCE
        while not self.try_lock(name):
            if time.monotonic() > deadline:
                raise JobError(f"{name}: another run has held it for {PATIENCE} s")
            time.sleep(0.2)
        try:
            yield
        finally:
            self.unlock(name)

    def columns(self, table: str) -> dict[str, int]:
        """Names and widths, -1 for max; empty where there is no such table."""
        return {name: int(width) for name, width in self.ask(COLUMNS, *table.split("."))}

    def may_swap(self, words: Words) -> bool:
        """Has the target all columns, of the types that tasks send, and nothing that would go with it?"""
        if self.kind != "postgresql" or {(column.name, column.type) for column in words.columns} - {*self.ask(COLUMN_TYPES, words.to)}:
            return False
        return bool(self.ask(PLAIN, words.to))

    def close_to_others(self, table: str) -> None:
        """A new table is read by those whom defaults let in; of the target, whose rows a stage holds, they may have lost the right."""
        for (revoke,) in self.ask(REVOKES, table, table) if self.kind == "postgresql" else []:
            self.do(revoke)

    def swap(self, words: Words) -> None:
        """Rights are those of the target, the owner's too: no more, and no less.

        The lock comes first: autovacuum, which may be at the stage, would wait for the rights while the new name waits for autovacuum.
        """
        self.do(f"LOCK TABLE {words.staged} IN ACCESS EXCLUSIVE MODE")
        self.do(f"REVOKE ALL ON {words.staged} FROM CURRENT_USER")
        for (grant,) in self.ask(GRANTS, words.staged, words.to):
            self.do(grant)
        for statement in words.swap():
            self.do(statement)

    def sweep(self, schema: str) -> list[str]:
        """Drop the stages of runs that have died: nobody holds their locks."""
        stages = {name.removesuffix("_parts") for (name,) in self.ask(TABLES, schema) if name.startswith(STAGE)}
        dead = [name for name in sorted(stages) if self.try_lock(f"{schema}.{name}")]
        for name in dead:
            self.do(drop_stage(self.kind, f"{schema}.{name}"))
            self.unlock(f"{schema}.{name}")
        return dead

    def close(self) -> None:
        self.jdbc.close()


class Published(NamedTuple):
    snapshot: int
    source: str
    run_id: str


class Ledger:
    """What of each target of a schema was published, the latest with the highest number."""

    def __init__(self, session: Session, schema: str) -> None:
        self.session, self.table = session, f"{schema}.{LEDGER}"
        self.quoted = quote_table(session.kind, self.table)

    def ensure(self) -> None:
        with self.session.locked(self.table):
            if not self.session.columns(self.table):
                self.session.do(f"CREATE TABLE {self.quoted} ({LEDGER_COLUMNS[self.session.kind]})")

    def last(self, target: str) -> Published | None:
        if not self.session.columns(self.table):
            return None
        latest = f"SELECT MAX(number) FROM {self.quoted} WHERE target = ?"
        asked = f"SELECT snapshot_id, source, run_id FROM {self.quoted} WHERE target = ? AND number = ({latest})"
        found = self.session.ask(asked, target, target)
        return Published(*found[0]) if found else None

    def enter(self, target: str, published: Published, rows: int) -> None:
        """A snapshot that was there before, and is again, has one line: its latest."""
        self.session.do(f"DELETE FROM {self.quoted} WHERE target = ? AND snapshot_id = ?", target, published.snapshot)
        names = "(target, snapshot_id, number, source, run_id, rows_there)"
        values = f"SELECT ?, ?, COALESCE(MAX(number), 0) + 1, ?, ?, ? FROM {self.quoted} WHERE target = ?"
        self.session.do(f"INSERT INTO {self.quoted} {names} {values}", target, *published, rows, target)
