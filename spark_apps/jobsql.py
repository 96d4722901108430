"""SQL databases by name: a connection is a small file that the place supplies, never an argument, a Spark property or a line of a log.

    rows = jobsql.read(spark, "sql://erp/sales.orders")
    rows = jobsql.read_sql(spark, "erp", "SELECT id, total FROM sales.orders WHERE total > 100", column="id")

Filters and columns that a job asks for are asked of the database. Reading works over Spark Connect too.
"""

import os
import re
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote as url_quote

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from jobkit import InputError, UsageError

Link = TypeVar("Link")
PORTS = {"postgresql": 5432, "sqlserver": 1433}
POD_KNOWN_WITHIN = 30  # seconds
TLS_OF_LIBPQ = {"verify": "verify-full", "encrypt": "require", "off": "disable"}
# The first column of each primary key. PostgreSQL's information_schema hides it from those who may only read.
KEYS = {
    "postgresql": "(SELECT n.nspname AS space, c.relname AS name, a.attname AS first_key FROM pg_index i"
    " JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] WHERE i.indisprimary) AS sparkyard_keys",
    "sqlserver": "(SELECT u.TABLE_SCHEMA AS space, u.TABLE_NAME AS name, u.COLUMN_NAME AS first_key"
    " FROM INFORMATION_SCHEMA.KEY_COLUMN_USAGE u JOIN INFORMATION_SCHEMA.TABLE_CONSTRAINTS c"
    " ON c.CONSTRAINT_NAME = u.CONSTRAINT_NAME AND c.TABLE_SCHEMA = u.TABLE_SCHEMA"
    " WHERE c.CONSTRAINT_TYPE = 'PRIMARY KEY' AND u.ORDINAL_POSITION = 1) AS sparkyard_keys",
}
SORTABLE = (T.IntegralType, T.DecimalType, T.DateType, T.TimestampType, T.TimestampNTZType)


@dataclass(frozen=True)
class Connection:
    """What the file says. `ca` is the text of a certificate; without it the machine's own authorities count."""

    name: str
    kind: str
    host: str
    database: str
    user: str
    password: str = field(repr=False)
    port: int = 0
    tls: str = "verify"
    ca: str = field(default="", repr=False)
    options: Mapping[str, str] = field(default_factory=dict, repr=False)  # the JDBC driver's own

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port or PORTS[self.kind]}"


def folder() -> Path:
    return Path(os.environ.get("SPARKYARD_CONNECTIONS", "/etc/sparkyard/connections"))


def load_connection(name: str) -> Connection:
    path = folder() / f"{name}.toml"
    if not re.fullmatch(r"[\w-]+", name) or not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder().glob("*.toml"))) or "none"
        raise InputError(f"connection {name}: no file {path}; known: {known}")
    try:
        return parse_connection(name, tomllib.loads(path.read_text()))
    except (tomllib.TOMLDecodeError, TypeError, ValueError) as error:
        raise InputError(f"connection {name}: {path}: {error}") from None


def parse_connection(name: str, said: dict[str, Any]) -> Connection:
    """ValueError says which key is wrong and never what it holds."""
    if unknown := set(said) - {item.name for item in fields(Connection)[1:]}:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    if missing := {"kind", "host", "database", "user", "password"} - set(said):
        raise ValueError(f"missing: {', '.join(sorted(missing))}")
    if said["kind"] not in PORTS or said.get("tls", "verify") not in TLS_OF_LIBPQ:
        raise ValueError(f"kind is one of {', '.join(PORTS)}; tls is one of {', '.join(TLS_OF_LIBPQ)}")
    if not re.fullmatch(r"[\w.:\[\]-]+", said["host"]):
        raise ValueError("host is no name or address")
    if said.get("ca") and said["kind"] == "sqlserver":
        raise ValueError("ca: its driver trusts what the JVM trusts; give the platform the authority (global.trustedCa)")
    return Connection(name=name, **said)


def quote(kind: str, name: str) -> str:
    """The one place where a name becomes part of a statement."""
    if not name or "\0" in name:
        raise UsageError(f"{name!r} is no name of a table or column")
    return f"[{name.replace(']', ']]')}]" if kind == "sqlserver" else '"{}"'.format(name.replace('"', '""'))


def quote_table(kind: str, name: str) -> str:
    return ".".join(quote(kind, part) for part in name.split("."))


def patiently(connect: Callable[[], Link]) -> Link:
    """On a cluster a pod that has just begun may be refused for seconds, until its network policies are known on every node."""
    deadline = time.monotonic() + (POD_KNOWN_WITHIN if "KUBERNETES_SERVICE_HOST" in os.environ else 0)
    while True:
        try:
            return connect()
        except Exception as error:
            if "refused" not in str(error) or time.monotonic() >= deadline:
                raise
            time.sleep(1)


def jdbc_options(connection: Connection) -> dict[str, str]:
    """Address, credentials and encryption, as the JDBC driver and Spark's reader take them."""
    said = {"user": connection.user, "password": connection.password}
    make = _postgresql if connection.kind == "postgresql" else _sqlserver
    return said | make(connection) | {key: str(value) for key, value in connection.options.items()}


def _postgresql(connection: Connection) -> dict[str, str]:
    factory = "SingleCertValidatingFactory" if connection.ca else "DefaultJavaSSLFactory"
    verified = {"sslfactory": f"org.postgresql.ssl.{factory}"} | ({"sslfactoryarg": connection.ca} if connection.ca else {})
    return {
        "url": f"jdbc:postgresql://{connection.address}/{url_quote(connection.database, safe='')}",
        "driver": "org.postgresql.Driver",
        "sslmode": TLS_OF_LIBPQ[connection.tls],
        "ApplicationName": "sparkyard",
        "connectTimeout": "10",
        "tcpKeepAlive": "true",
        **(verified if connection.tls == "verify" else {}),
    }


def _sqlserver(connection: Connection) -> dict[str, str]:
    return {
        "url": f"jdbc:sqlserver://{connection.address}",
        "driver": "com.microsoft.sqlserver.jdbc.SQLServerDriver",
        "databaseName": connection.database,
        "encrypt": str(connection.tls != "off").lower(),
        "trustServerCertificate": str(connection.tls == "encrypt").lower(),
        "applicationName": "sparkyard",
        "loginTimeout": "10",
    }


def read(spark: SparkSession, source: str) -> DataFrame:
    """`sql://connection/schema.table`, or a query behind the slash: what a job takes as an argument."""
    found = re.fullmatch(r"sql://([\w-]+)/(.+)", source, re.DOTALL)
    if not found:
        raise UsageError(f"{source} is not sql://connection/schema.table")
    return read_sql(spark, found[1], found[2])


def read_sql(spark: SparkSession, connection: str, source: str, column: str = "", parts: int = 8, fetch: int = 10_000) -> DataFrame:
    """A table or a query, read in parts by `column`; of a table, its primary key serves unless one is named."""
    at = load_connection(connection)
    is_query = bool(re.search(r"\s", source.strip()))
    rows = f"({source}) AS sparkyard_query" if is_query else quote_table(at.kind, source)
    column = column or ("" if is_query else _find_key(spark, at, source))
    reader = _reader(spark, at, rows).option("fetchsize", str(fetch))
    for key, value in _find_bounds(spark, at, rows, column).items():
        reader = reader.option(key, value)
    return reader.option("numPartitions", str(parts)).load()


def _reader(spark: SparkSession, connection: Connection, rows: str) -> Any:
    return spark.read.format("jdbc").options(**jdbc_options(connection)).option("dbtable", rows)


def _find_key(spark: SparkSession, connection: Connection, table: str) -> str:
    space, _, name = table.rpartition(".")
    keys = _reader(spark, connection, KEYS[connection.kind]).load().where(F.col("name") == name)
    found = (keys.where(F.col("space") == space) if space else keys).select("first_key").collect()
    return found[0].first_key if len(found) == 1 else ""


def _find_bounds(spark: SparkSession, connection: Connection, rows: str, column: str) -> dict[str, str]:
    """Where the parts begin and end. The outer ones are open: rows that come meanwhile, and nulls, are read too."""
    if not column:
        return {}
    named = quote(connection.kind, column)
    bounds = _reader(spark, connection, f"(SELECT MIN({named}) AS low, MAX({named}) AS high FROM {rows}) AS sparkyard_bounds").load()
    kind = bounds.schema["low"].dataType
    if not isinstance(kind, SORTABLE):
        return {}
    low, high = bounds.selectExpr(*(f"cast({_as_sortable(kind, name)} AS STRING)" for name in ("low", "high"))).head()
    return {"partitionColumn": column, "lowerBound": low, "upperBound": high} if low is not None and low != high else {}


def _as_sortable(kind: T.DataType, name: str) -> str:
    return f"cast({name} AS BIGINT)" if isinstance(kind, (T.IntegralType, T.DecimalType)) else name
