"""What is said to a SQL database, as text: types that we choose, and statements for PostgreSQL and SQL Server.

Names enter a statement by jobsql.quote alone, values never. A stage holds rows before they are published; `change` says of each row
whether it is there now (`u`) or is to go (`d`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import types as T

from jobchanges import CHANGE
from jobkit import InputError, UsageError
from jobsql import quote, quote_table

LEDGER, STAGE, ROW = "sparkyard_published", "sparkyard_stage_", "sparkyard_row"
# (PostgreSQL, as its catalog calls it; SQL Server): no type that rounds, none without a bound by accident
TYPES: dict[str, tuple[str, str]] = {
    "boolean": ("boolean", "bit"),
    "tinyint": ("smallint", "smallint"),
    "smallint": ("smallint", "smallint"),
    "int": ("integer", "int"),
    "bigint": ("bigint", "bigint"),
    "float": ("real", "real"),
    "double": ("double precision", "float(53)"),
    "date": ("date", "date"),
    "timestamp": ("timestamp with time zone", "datetime2(6)"),  # in UTC
    "timestamp_ntz": ("timestamp without time zone", "datetime2(6)"),
}
ROOMS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4000)  # widths of nvarchar: room to grow, and not for ever
MAX_WIDTH = 4000
KEY_BYTES, OTHER_KEY_BYTES = 900, 20  # what SQL Server takes of a key in all, and what a key that is neither text nor bytes needs at most
LEDGER_COLUMNS = {
    "postgresql": "target text, snapshot_id bigint, number bigint, source text, run_id text, rows_there bigint, "
    "published_at timestamp with time zone DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (target, snapshot_id)",
    "sqlserver": "target nvarchar(300), snapshot_id bigint, number bigint, source nvarchar(300), run_id nvarchar(300), rows_there bigint, "
    "published_at datetime2(6) DEFAULT SYSUTCDATETIME(), PRIMARY KEY (target, snapshot_id)",
}
NESTED = (T.ArrayType, T.MapType, T.StructType)


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    staged: str  # its type in the stage
    width: int = 0  # of text and bytes in SQL Server; 0: none, -1: max
    needed: int = 0  # by its values


def needs_width(field: T.StructField) -> bool:
    return isinstance(field.dataType, (T.StringType, T.BinaryType))


def make_columns(
    kind: str, schema: T.StructType, measured: Mapping[str, int], declared: Mapping[str, str], keys: Sequence[str] = ()
) -> list[Column]:
    if strange := sorted(set(declared) - {field.name for field in schema if needs_width(field)}):
        raise UsageError(f"--width {', '.join(strange)}: no column of text or bytes")
    if kind == "postgresql":
        return [_postgresql(field, declared.get(field.name, "")) for field in schema]
    rooms = _key_rooms([field for field in schema if field.name in keys])
    return [_sqlserver(field, measured.get(field.name, 0), declared.get(field.name, ""), rooms.get(field.name, 0)) for field in schema]


def _key_rooms(keys: Sequence[T.StructField]) -> dict[str, int]:
    """Text and bytes of a key get at once all the room that a key may have: a column of it cannot be widened later."""
    wide = [field for field in keys if needs_width(field)]
    share = (KEY_BYTES - OTHER_KEY_BYTES * (len(keys) - len(wide))) // max(1, len(wide))
    return {field.name: share // (2 if isinstance(field.dataType, T.StringType) else 1) for field in wide}


def _postgresql(field: T.StructField, declared: str) -> Column:
    kind = _plain(field, 0)
    if isinstance(field.dataType, T.StringType):
        kind = f"character varying({declared})" if declared.isdecimal() else "text"
    elif isinstance(field.dataType, T.BinaryType):
        kind = "bytea"
    elif isinstance(field.dataType, NESTED):
        kind = "jsonb"
    return Column(field.name, kind, kind)


def _sqlserver(field: T.StructField, measured: int, declared: str, key_room: int) -> Column:
    if isinstance(field.dataType, NESTED):
        return Column(field.name, "nvarchar(max)", "nvarchar(max)", -1)
    if needs_width(field):
        base = "nvarchar" if isinstance(field.dataType, T.StringType) else "varbinary"
        width = _key_width(field.name, measured, declared, key_room) if key_room else _width(field.name, measured, declared)
        kind = f"{base}({'max' if width < 0 else width})"
        return Column(field.name, kind, kind, width, measured)
    kind = _plain(field, 1)
    # as text: the driver would take it for a time of the JVM's zone, where an hour of each spring does not exist
    staged = "varchar(40)" if isinstance(field.dataType, (T.TimestampType, T.TimestampNTZType)) else kind
    return Column(field.name, kind, staged)


def _plain(field: T.StructField, place: int) -> str:
    if isinstance(field.dataType, T.DecimalType):
        return f"{('numeric', 'decimal')[place]}({field.dataType.precision},{field.dataType.scale})"
    known = TYPES.get(field.dataType.simpleString())
    if not known and not isinstance(field.dataType, (T.StringType, T.BinaryType, *NESTED)):
        raise InputError(f"column {field.name} is {field.dataType.simpleString()}, which a SQL database has no type for")
    return known[place] if known else ""


def _width(name: str, measured: int, declared: str) -> int:
    if declared:
        return -1 if declared == "max" else int(declared)
    if measured > MAX_WIDTH:
        raise InputError(f"column {name} holds values of {measured:,} characters: say --width {name}=max, or select less")
    return next(room for room in ROOMS if room >= measured)


def _key_width(name: str, measured: int, declared: str, room: int) -> int:
    needed = max(measured, int(declared)) if declared.isdecimal() else measured
    if needed > room or declared == "max":
        raise InputError(
            f"column {name} is of --key, which may have {room} characters in SQL Server, and needs {declared or needed}: name another"
        )
    return int(declared or room)


def drop_stage(kind: str, stage: str) -> str:
    return f"DROP TABLE IF EXISTS {quote_table(kind, stage)}, {quote_table(kind, f'{stage}_parts')}"


@dataclass(frozen=True)
class Words:
    """The statements of one publication."""

    kind: str
    target: str  # schema.table
    stage: str  # schema.table
    columns: Sequence[Column]
    keys: Sequence[str] = ()
    by: str = ""

    def name(self, name: str) -> str:
        return quote(self.kind, name)

    def names(self, prefix: str = "", without: Sequence[str] = ()) -> str:
        return ", ".join(prefix + self.name(column.name) for column in self.columns if column.name not in without)

    @property
    def to(self) -> str:
        return quote_table(self.kind, self.target)

    @property
    def staged(self) -> str:
        return quote_table(self.kind, self.stage)

    @property
    def parts(self) -> str:
        return quote_table(self.kind, f"{self.stage}_parts")

    def create_target(self) -> str:
        needed = {*self.keys}
        lines = [f"{self.name(column.name)} {column.type}{' NOT NULL' if column.name in needed else ''}" for column in self.columns]
        lines += [f"PRIMARY KEY ({', '.join(map(self.name, self.keys))})"] if self.keys else []
        return f"CREATE TABLE {self.to} ({', '.join(lines)})"

    def add_columns(self, there: Mapping[str, int]) -> list[str]:
        """For columns that the target lacks."""
        return [f"ALTER TABLE {self.to} ADD {self.name(c.name)} {c.type}" for c in self.columns if c.name not in there]

    def widen_columns(self, there: Mapping[str, int]) -> list[str]:
        """For texts that outgrew theirs; -1 is max. Those of a key keep theirs: its index holds them fast."""
        held = [c for c in self.columns if c.name in self.keys and 0 < there.get(c.name, -1) < c.needed]
        for c in held:
            raise InputError(
                f"{self.target}: its key {c.name} has room for {there[c.name]} characters and needs {c.needed}, and the column of a key "
                "cannot be widened: --into another table, or drop this one, and it is made anew"
            )
        grown = [
            c
            for c in self.columns
            if c.width and c.name not in self.keys and 0 < there.get(c.name, -1) < (c.width if c.width > 0 else MAX_WIDTH + 1)
        ]
        return [f"ALTER TABLE {self.to} ALTER COLUMN {self.name(c.name)} {c.type}" for c in grown]

    def create_stage(self, changes: bool, swaps: bool) -> list[str]:
        """`swaps`: it is to take the target's place, so it is made like it, and lasts."""
        lines = [f"{self.name(column.name)} {column.staged}" for column in self.columns]
        lines += [f"{self.name(CHANGE)} char(1)"] if changes else []
        if self.kind == "postgresql":  # each task enters its part, so that none enters twice, and how many rows the server took
            parts = f"CREATE UNLOGGED TABLE {self.parts} (part int PRIMARY KEY, held bigint)"
            if swaps:
                return [f"CREATE TABLE {self.staged} (LIKE {self.to} INCLUDING ALL)", parts]
            return [f"CREATE UNLOGGED TABLE {self.staged} ({', '.join(lines)})", parts]
        # a task that is tried again sends the same numbers again, and they are passed over
        number = f"{self.name(ROW)} bigint NOT NULL PRIMARY KEY WITH (IGNORE_DUP_KEY = ON)"
        return [f"CREATE TABLE {self.staged} ({number}, {', '.join(lines)})"]

    def count(self, table: str) -> str:
        return f"SELECT {'COUNT_BIG' if self.kind == 'sqlserver' else 'COUNT'}(*) FROM {table}"

    def count_staged(self) -> str:
        """PostgreSQL has counted the rows of each part when it took them: nothing is read again."""
        if self.kind == "sqlserver":
            return self.count(self.staged)
        return f"SELECT CAST(COALESCE(SUM(held), 0) AS bigint) FROM {self.parts}"

    def swap(self) -> list[str]:
        return [f"DROP TABLE {self.to}", f"ALTER TABLE {self.staged} RENAME TO {self.name(self.target.partition('.')[2])}"]

    def bring(self, how: str) -> list[str]:
        """From the stage into the target: whole, parts or merge."""
        if how == "merge":
            return [self.merge()]
        return [self.clear(), self.insert(changes=False)] if how == "whole" else [self.clear_parts(), self.insert(changes=True)]

    def clear(self) -> str:
        return f"DELETE FROM {self.to}"

    def clear_parts(self) -> str:
        """Rows of the parts that the stage marks."""
        there, staged = f"{self.to}.{self.name(self.by)}", f"s.{self.name(self.by)}"
        same = f"({staged} = {there} OR ({staged} IS NULL AND {there} IS NULL))"
        return f"DELETE FROM {self.to} WHERE EXISTS (SELECT 1 FROM {self._rows()} AS s WHERE s.{self.name(CHANGE)} = 'd' AND {same})"

    def insert(self, changes: bool) -> str:
        which = f" WHERE {self.name(CHANGE)} = 'u'" if changes else ""
        return f"INSERT INTO {self._locked(self.to, 'TABLOCK')} ({self.names()}) SELECT {self._loaded()} FROM {self.staged}{which}"

    def merge(self) -> str:
        match = " AND ".join(f"t.{self.name(key)} = s.{self.name(key)}" for key in self.keys)
        rest = [self.name(column.name) for column in self.columns if column.name not in self.keys]
        update = [f"WHEN MATCHED THEN UPDATE SET {', '.join(f'{name} = s.{name}' for name in rest)}"] if rest else []
        return " ".join(
            [
                f"MERGE INTO {self._locked(self.to, 'HOLDLOCK')} AS t USING {self._rows()} AS s ON {match}",
                f"WHEN MATCHED AND s.{self.name(CHANGE)} = 'd' THEN DELETE",
                *update,
                f"WHEN NOT MATCHED AND s.{self.name(CHANGE)} = 'u' THEN INSERT ({self.names()}) VALUES ({self.names('s.')});",
            ]
        )

    def _rows(self) -> str:
        return f"(SELECT {self._loaded()}, {self.name(CHANGE)} FROM {self.staged})"

    def _loaded(self) -> str:
        return ", ".join(self._load(column) for column in self.columns)

    def _load(self, column: Column) -> str:
        name = self.name(column.name)
        return name if column.type == column.staged else f"CAST({name} AS {column.type}) AS {name}"

    def _locked(self, table: str, hint: str) -> str:
        return f"{table} WITH ({hint})" if self.kind == "sqlserver" else table
