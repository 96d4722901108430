"""A table is published once, whole or by what changed, and a run that fails or meets another leaves what was there."""

import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest

import jobkit
import jobsql
import sqlstage
from sql import publish
from sqlsession import Session

pytestmark = [pytest.mark.java, pytest.mark.postgres]
TABLE = "yard.refined.sql_publish_test"
Publish = Callable[..., dict[str, Any]]
ODD = 'a "b" [c] 50%s\\'
COLUMNS = f"""id BIGINT, flag BOOLEAN, tiny INT, share FLOAT, ratio DOUBLE, price DECIMAL(38, 9), name STRING, bytes BINARY,
    day DATE, at TIMESTAMP, local TIMESTAMP_NTZ, tags ARRAY<STRING>, `{ODD}` STRING"""
HOSTILE = "tab\there\nline\r\n\\N back\\slash \\. 'quote' \"double\" ; DROP TABLE x -- 💶 ü % ? %s {}"
ROWS = [
    (1, True, -(2**31), 0.5, 1e300, Decimal("12345678901234567890123456789.123456789"), HOSTILE, b"\x00\\x\xff", date(1, 1, 1),
     datetime(2024, 3, 31, 1, 30, 0, 123457, tzinfo=UTC), datetime(2024, 3, 31, 2, 30, 0, 1), ["a\tb", "c"], "odd"),
    (2, False, 2**31 - 1, -0.25, -1e-300, Decimal("-0.000000001"), "", b"", date(9999, 12, 31),
     datetime(1900, 1, 1, 0, 0, 0, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999), [], ""),
    (3, *[None] * 12),
]  # fmt: skip


@pytest.fixture
def lake(yard: Any) -> Any:
    yard.spark.sql("CREATE NAMESPACE yard.refined")
    return yard


@pytest.fixture
def counts(lake: Any) -> Any:
    """Sums by day and name: 60 rows in three days."""
    lake.spark.sql(f"CREATE TABLE {TABLE} (id BIGINT, day STRING, total BIGINT) USING iceberg")
    lake.spark.sql(f"INSERT INTO {TABLE} SELECT id, concat('d', id % 3), id * 10 FROM range(60)")
    return lake


@pytest.fixture
def run(db: Any, lake: Any) -> Publish:
    return lambda *more: publish.main(["--table", TABLE, "--to", "db", "--into", db.target, *more], lake.spark)


def expected(lake: Any) -> list[tuple[Any, ...]]:
    return lake.rows(TABLE)  # type: ignore[no-any-return]


def test_every_type_arrives_as_it_was(lake: Any, run: Publish, db: Any) -> None:
    lake.spark.sql(f"CREATE TABLE {TABLE} ({COLUMNS}) USING iceberg")
    lake.spark.createDataFrame(ROWS, lake.spark.table(TABLE).schema).writeTo(TABLE).append()
    assert run()["rows"] == {"read": 3, "rejected": 0, "written": 3}
    read = jobsql.read_sql(lake.spark, "db", db.target).orderBy("id").collect()
    plain = [index for index, name in enumerate(lake.spark.table(TABLE).columns) if name not in ("at", "local", "tags")]
    assert [[row[index] for index in plain] for row in read] == [[row[index] for index in plain] for row in ROWS]


def test_postgresql_holds_it_exactly(
    lake: Any, connections: Any, server: Any, libpq: "psycopg.Connection[tuple[Any, ...]]", tmp_path: Any
) -> None:
    """Read by another client, with times and nested values; the JVM's time zone and the session's have no say."""
    (connections / "db.toml").write_text(server.connection())
    lake.spark.sql(f"CREATE TABLE {TABLE} ({COLUMNS}) USING iceberg")
    lake.spark.createDataFrame(ROWS, lake.spark.table(TABLE).schema).writeTo(TABLE).append()
    for name, zone in {"exactly": "America/St_Johns", "usually": "UTC"}.items():
        lake.spark.conf.set("spark.sql.session.timeZone", zone)
        publish.main(["--table", TABLE, "--to", "db", "--into", f"public.{name}"], lake.spark)
        assert libpq.execute(f"SELECT * FROM public.{name} ORDER BY id").fetchall() == ROWS
    types = "SELECT column_name, udt_name FROM information_schema.columns WHERE table_name = 'exactly' ORDER BY ordinal_position"
    names = ["int8", "bool", "int4", "float4", "float8", "numeric", "text", "bytea", "date", "timestamptz", "timestamp", "jsonb", "text"]
    assert [kind for _, kind in libpq.execute(types).fetchall()] == names


def test_a_snapshot_is_published_once(counts: Any, run: Publish, db: Any) -> None:
    assert run()["facts"]["how"] == "whole"
    assert db.rows() == expected(counts)
    again = run()
    assert "has published this snapshot" in again["facts"]["nothing_new"]
    assert again["rows"] == {"read": 0, "rejected": 0, "written": 0}
    assert (db.ledger(), db.stages()) == ([(1, 60)], [])


def test_whole_again_keeps_the_table_and_its_grants(counts: Any, run: Publish, db: Any) -> None:
    run()
    db.do(f"GRANT SELECT ON {db.target} TO public")
    counts.spark.sql(f"DELETE FROM {TABLE} WHERE id < 30")
    assert run()["facts"]["how"] == "whole"
    assert db.rows() == expected(counts)
    assert db.ledger() == [(1, 60), (2, 30)]
    held = "SELECT COUNT(*) FROM INFORMATION_SCHEMA.TABLE_PRIVILEGES WHERE TABLE_NAME = ? AND LOWER(GRANTEE) = 'public'"
    assert db.ask(held, db.target.partition(".")[2]) == [(1,)]


WAITING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'ANALYZE%' AND wait_event_type = 'Lock'"


@pytest.mark.fault
def test_autovacuum_at_a_stage_makes_no_deadlock(
    counts: Any, run: Publish, db: Any, libpq: "psycopg.Connection[tuple[Any, ...]]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waited for the grants of a stage whose new name waited for autovacuum."""
    if db.kind != "postgresql":
        pytest.skip("only PostgreSQL swaps tables")
    run()
    counts.spark.sql(f"DELETE FROM {TABLE} WHERE id < 30")
    libpq.execute("SET deadlock_timeout = '1ms'")  # it has looked for a deadlock before there is one, and will not be its victim
    do, others = Session.do, []

    def analyze(stage: str) -> None:
        with suppress(psycopg.Error):  # a stage is gone, under its name, when the swap is over
            libpq.execute(f"ANALYZE {stage}")

    def beside(session: Session, statement: str, *values: Any) -> int:
        done = do(session, statement, *values)
        if not others and statement.startswith("REVOKE ALL") and statement.endswith("FROM CURRENT_USER"):
            others.append(threading.Thread(target=analyze, args=[statement.split()[3]]))
            others[0].start()
            while others[0].is_alive() and db.ask(WAITING) != [(1,)]:
                time.sleep(0.05)
        return done

    monkeypatch.setattr(Session, "do", beside)
    run()
    others[0].join()
    assert (db.rows(), db.ledger(), db.stages()) == (expected(counts), [(1, 60), (2, 30)], [])


def test_whole_again_brings_back_no_right_that_was_revoked(
    counts: Any, run: Publish, db: Any, libpq: "psycopg.Connection[tuple[Any, ...]]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where new tables grant by themselves; and nobody reads in a stage what he may not read in the target."""
    if db.kind != "postgresql":
        pytest.skip("only PostgreSQL swaps tables")
    acl = f"SELECT relacl::text, oid FROM pg_class WHERE oid = '{db.target}'::regclass"
    libpq.execute('CREATE ROLE "of sales"')
    libpq.execute('ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT ON TABLES TO "of sales", PUBLIC')
    try:
        run()
        libpq.execute(f'REVOKE ALL ON {db.target} FROM "of sales", PUBLIC')
        libpq.execute(f'GRANT UPDATE ON {db.target} TO "of sales" WITH GRANT OPTION')
        libpq.execute(f"REVOKE TRUNCATE ON {db.target} FROM CURRENT_USER")
        (before, was), staged = libpq.execute(acl).fetchall()[0], []
        load = publish.load_stage

        def look(rows: Any, connection: Any, words: Any) -> None:
            staged.extend(libpq.execute("SELECT relacl::text FROM pg_class WHERE oid = to_regclass(%s)", [words.staged]).fetchall())
            load(rows, connection, words)

        monkeypatch.setattr(publish, "load_stage", look)
        counts.spark.sql(f"DELETE FROM {TABLE} WHERE id < 30")
        run()
        [(after, now)] = libpq.execute(acl).fetchall()
        assert now != was, "the stage took its place"
        assert {*after.strip("{}").split(",")} == {*before.strip("{}").split(",")}
        assert [grants.count("=") for (grants,) in staged] == [1], "the owner's"
    finally:
        libpq.execute(f"DROP TABLE IF EXISTS {db.target}")
        libpq.execute('DROP OWNED BY "of sales"')
        libpq.execute("ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM PUBLIC")
        libpq.execute('DROP ROLE "of sales"')


HANGING = [
    "CREATE VIEW {0}_view AS SELECT * FROM {0}",
    "CREATE INDEX ON {0} (id)",
    "CREATE PUBLICATION more FOR TABLE {0} WITH (publish = 'insert')",
    "CREATE PUBLICATION more FOR TABLES IN SCHEMA public WITH (publish = 'insert')",
    "COMMENT ON TABLE {0} IS 'sums by day'",
    "COMMENT ON COLUMN {0}.day IS 'a day'",
    "ALTER TABLE {0} SET (autovacuum_enabled = off)",
    "ALTER TABLE {0} REPLICA IDENTITY FULL",
    "CREATE POLICY mine ON {0} USING (true)",
    "ALTER TABLE {0} ADD CHECK (id >= 0)",
    "ALTER TABLE {0} ALTER COLUMN day SET STATISTICS 500",
]


@pytest.mark.parametrize("more", HANGING)
def test_what_hangs_on_a_table_stays(counts: Any, run: Publish, db: Any, libpq: "psycopg.Connection[tuple[Any, ...]]", more: str) -> None:
    if db.kind != "postgresql":
        pytest.skip("only PostgreSQL swaps tables")
    run()
    libpq.execute(more.format(db.target))
    oid = "SELECT CAST(to_regclass(?) AS text), CAST(CAST(to_regclass(?) AS oid) AS bigint)"
    before = db.ask(oid, db.target, db.target)
    counts.spark.sql(f"DELETE FROM {TABLE} WHERE id < 30")
    run()
    assert (db.rows(), db.ask(oid, db.target, db.target)) == (expected(counts), before)
    db.do(f"DROP VIEW IF EXISTS {db.target}_view")
    db.do("DROP PUBLICATION IF EXISTS more")


def test_by_key_only_what_changed_is_carried(counts: Any, run: Publish, db: Any) -> None:
    run("--key", "id")
    counts.spark.sql(f"INSERT INTO {TABLE} VALUES (100, 'd1', 1), (101, 'd9', 2)")
    counts.spark.sql(f"UPDATE {TABLE} SET total = -1 WHERE id = 5")
    counts.spark.sql(f"DELETE FROM {TABLE} WHERE id IN (7, 101)")
    done = run("--key", "id")
    assert (done["facts"]["how"], done["rows"]["written"]) == ("merge", 3)
    assert db.rows() == expected(counts)
    name = TABLE.removeprefix("yard.")
    counts.spark.sql(f"CALL yard.system.rewrite_data_files(table => '{name}', options => map('rewrite-all', 'true'))")
    done = run("--key", "id")
    assert (done["facts"]["how"], done["rows"]["written"]) == ("merge", 0), "files changed, rows did not"
    assert db.rows() == expected(counts)


def test_by_part_only_parts_that_changed_are_replaced(counts: Any, run: Publish, db: Any) -> None:
    run("--by", "day")
    counts.spark.sql(f"INSERT INTO {TABLE} VALUES (100, 'd9', 1), (101, NULL, 2)")
    counts.spark.sql(f"DELETE FROM {TABLE} WHERE day = 'd2'")
    db.do(f"UPDATE {db.target} SET total = 0 WHERE day = 'd1'")
    done = run("--by", "day")
    assert (done["facts"]["how"], done["rows"]["written"]) == ("parts", 5)
    untouched = [row if row[1] != "d1" else (*row[:2], 0) for row in counts.rows(TABLE, "id", "day", "total")]
    assert sorted(db.rows(), key=str) == sorted(untouched, key=str), "a part in which nothing changed is not written"


def test_what_the_lake_has_forgotten_is_carried_whole(counts: Any, run: Publish, db: Any) -> None:
    run("--key", "id")
    counts.spark.range(10).selectExpr("id", "'new' AS day", "id AS total").writeTo(TABLE).using("iceberg").createOrReplace()
    assert run("--key", "id")["facts"]["how"] == "whole"
    assert db.rows() == expected(counts)


def test_a_new_column_is_added_and_a_text_that_grows_has_room(counts: Any, run: Publish, db: Any) -> None:
    run("--key", "id")
    counts.spark.sql(f"ALTER TABLE {TABLE} ADD COLUMN note STRING")
    counts.spark.sql(f"INSERT INTO {TABLE} VALUES (100, '{'x' * 400}', 1, 'new')")
    assert run("--key", "id")["facts"]["how"] == "whole"
    assert sorted(db.rows(), key=str) == sorted(expected(counts), key=str)


@pytest.mark.fault
def test_a_run_that_fails_leaves_what_was_there(counts: Any, run: Publish, db: Any) -> None:
    run("--key", "id")
    before = db.rows()
    counts.spark.sql(f"INSERT INTO {TABLE} VALUES (500, 'twice', 1), (500, 'twice', 2)")
    with pytest.raises(Exception, match=r"500|second time|more than once"):
        run("--key", "id")
    assert (db.rows(), db.ledger(), db.stages()) == (before, [(1, 60)], [])


@pytest.mark.fault
def test_a_row_that_did_not_arrive_fails_the_run(counts: Any, run: Publish, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    load = publish.load_stage
    monkeypatch.setattr(publish, "load_stage", lambda rows, *to: load(rows.where("id <> 1"), *to))
    with pytest.raises(jobkit.JobError, match="every row was staged"):
        run()
    assert db.stages() == []
    assert not db.ask("SELECT 1 FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = ?", db.target.partition(".")[2])


@pytest.mark.fault
def test_the_stage_of_a_dead_run_is_swept_and_that_of_a_living_one_is_not(counts: Any, run: Publish, db: Any) -> None:
    schema, live = db.target.partition(".")[0], Session(db.spark, jobsql.load_connection("db"))
    db.do(f"CREATE TABLE {schema}.sparkyard_stage_dead (id int)")
    db.do(f"CREATE TABLE {schema}.sparkyard_stage_swapped_parts (part int)")  # its rows are the target by now
    live.do(f"CREATE TABLE {schema}.sparkyard_stage_live (id int)")
    assert live.try_lock(f"{schema}.sparkyard_stage_live")
    assert run()["facts"]["stages_swept"] == 2
    assert db.stages() == [("sparkyard_stage_live",)]
    live.close()
    assert run()["facts"]["stages_swept"] == 1
    assert db.stages() == []


@pytest.mark.fault
def test_a_run_that_another_has_overtaken_looks_anew(counts: Any, run: Publish, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one publishes a later snapshot while this one stages; what this one found out is then no longer true."""
    run("--key", "id")
    counts.spark.sql(f"DELETE FROM {TABLE} WHERE id = 1")
    load = publish.load_stage

    def overtaken(*arguments: Any) -> None:
        monkeypatch.setattr(publish, "load_stage", load)
        counts.spark.sql(f"INSERT INTO {TABLE} VALUES (200, 'later', 1)")
        run("--key", "id")
        load(*arguments)

    monkeypatch.setattr(publish, "load_stage", overtaken)
    assert "nothing_new" in run("--key", "id")["facts"]
    assert db.rows() == expected(counts)
    assert (db.ledger(), db.stages()) == ([(1, 60), (2, 60)], [])


@pytest.mark.fault
def test_runs_at_once_end_as_one_after_the_other(counts: Any, run: Publish, db: Any) -> None:
    results: list[dict[str, Any]] = []
    threads = [threading.Thread(target=lambda: results.append(run())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted("nothing_new" in result["facts"] for result in results) == [False, True, True]
    assert (db.rows(), db.ledger(), db.stages()) == (expected(counts), [(1, 60)], [])


@pytest.mark.fault
def test_a_task_that_is_tried_twice_counts_once(server: Any, connections: Any, libpq: "psycopg.Connection[tuple[Any, ...]]") -> None:
    (connections / "db.toml").write_text(server.connection())
    libpq.execute("CREATE TABLE once (id int)")
    libpq.execute("CREATE TABLE once_parts (part int PRIMARY KEY, held bigint)")
    copy = sqlstage.make_copy(jobsql.load_connection("db"), "COPY once FROM STDIN (FORMAT BINARY)", "once_parts")
    for _ in range(2):
        assert list(copy(3, (struct.pack(">hii", 1, 4, number) for number in (1, 2)))) == [3]
    assert libpq.execute("SELECT count(*) FROM once").fetchall() == [(2,)]
    assert libpq.execute("SELECT part, held FROM once_parts").fetchall() == [(3, 2)], "as the server counted them"


def test_a_table_of_others_is_left_alone_unless_it_may_be_written(counts: Any, run: Publish, db: Any) -> None:
    db.do(f"CREATE TABLE {db.target} (id bigint, day varchar(20), total bigint)")
    with pytest.raises(jobkit.InputError, match="publish did not make it"):
        run()
    assert db.rows() == []
    run("--adopt")
    assert db.rows() == expected(counts)
    width = "SELECT CHARACTER_MAXIMUM_LENGTH FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = ? AND COLUMN_NAME = 'day'"
    assert db.ask(width, db.target.partition(".")[2]) == [(20,)], "its types stay its own"
    counts.spark.sql(f"CREATE TABLE {TABLE}_2 AS SELECT * FROM {TABLE}")
    with pytest.raises(jobkit.InputError, match=f"holds {TABLE}: --into another"):
        publish.main(["--table", f"{TABLE}_2", "--to", "db", "--into", db.target], counts.spark)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--key", "nothing"], "has no column nothing; there are: id, day, total"),
        (["--key", "id", "--by", "day"], "not allowed with"),
        (["--width", "day"], "day is not column=number"),
        (["--width", "total=5"], "no column of text or bytes"),
        (["--into", "table"], "is not schema.table"),
        (["--to", "nowhere"], "connection nowhere: no file .*; known: db"),
    ],
)
def test_what_cannot_be_is_said(counts: Any, run: Publish, more: list[str], words: str) -> None:
    with pytest.raises(jobkit.JobError, match=words):
        run(*more)


def test_a_server_that_is_not_who_it_says_is_refused(counts: Any, connections: Any, server: Any) -> None:
    """By both ways in: the session and the tasks. And the password is in nothing that is said."""
    said = server.connection(tls="verify")
    (connections / "db.toml").write_text(said[: said.index("ca =")])
    with pytest.raises(jobkit.InputError, match=r"connection db: postgresql at localhost.*certif") as refused:
        publish.main(["--table", TABLE, "--to", "db"], counts.spark)
    assert "only-for-this-test" not in str(refused.value)
    connection = jobsql.load_connection("db")
    assert "only-for-this-test" not in repr(connection)
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        list(sqlstage.make_copy(connection, "COPY x FROM STDIN", "x")(0, iter([])))
