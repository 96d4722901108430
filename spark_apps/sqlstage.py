"""The way of rows into a stage, each once however often a task is tried: COPY for PostgreSQL, its driver's bulk copy for SQL Server."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

import sqlrows
from jobsql import TLS_OF_LIBPQ, Connection, jdbc_options, patiently
from sqlrows import named
from sqlwords import NESTED, ROW, Words, needs_width

BATCH = 50_000


def load_stage(rows: DataFrame, connection: Connection, words: Words) -> None:
    """Each row once, however often a task is tried."""
    if connection.kind == "sqlserver":
        numbered = rows.select(F.monotonically_increasing_id().alias(ROW), *(_plain(field) for field in rows.schema))
        options = jdbc_options(connection) | {"useBulkCopyForBatchInsert": "true", "batchsize": str(BATCH), "dbtable": words.staged}
        numbered.write.format("jdbc").options(**options).mode("append").save()
        return
    names = ", ".join(words.name(name) for name in rows.columns)
    copy = make_copy(connection, f"COPY {words.staged} ({names}) FROM STDIN (FORMAT BINARY)", words.parts)
    _as_blocks(sqlrows.as_rows(apart(rows))).mapPartitionsWithIndex(copy).count()


def measure(rows: DataFrame) -> dict[str, int]:
    """The greatest width of each column of text (in units of UTF-16) and bytes."""
    texts = [field for field in rows.schema if needs_width(field)]
    if not texts:
        return {}
    found = rows.agg(*(F.coalesce(F.max(_width(field)), F.lit(0)) for field in texts)).head()
    return {field.name: int(width) for field, width in zip(texts, found, strict=True)}


def _width(field: T.StructField) -> Column:
    column = F.col(named(field))
    return F.length(column) if isinstance(field.dataType, T.BinaryType) else F.length(F.encode(column, "UTF-16BE")) / 2


def make_copy(connection: Connection, statement: str, parts: str) -> Callable[[int, Iterator[bytes]], Iterator[int]]:
    """What a task does with its blocks of rows. A task that is tried twice enters its part twice, and the second time is undone."""
    libpq = {"host": connection.host, "port": connection.port or 5432, "dbname": connection.database, "application_name": "sparkyard"}
    libpq |= {"user": connection.user, "password": connection.password, "connect_timeout": 10}
    libpq |= {"sslmode": TLS_OF_LIBPQ[connection.tls]}
    authority = connection.ca
    if connection.tls == "verify" and not authority:
        libpq |= {"sslrootcert": "system"}

    def copy(part: int, blocks: Iterator[bytes]) -> Iterator[int]:
        from tempfile import NamedTemporaryFile

        import psycopg

        with NamedTemporaryFile(suffix=".crt") as file:
            file.write(authority.encode())
            file.flush()
            said = libpq | ({"sslrootcert": file.name} if authority else {})
            link = patiently(lambda: psycopg.connect(**said))
        with link, link.cursor() as cursor:
            with cursor.copy(statement) as stream:
                for block in chain([sqlrows.HEADER], blocks, [sqlrows.END]):
                    stream.write(block)
            cursor.execute(f"INSERT INTO {parts} VALUES ({part:d}, {cursor.rowcount:d}) ON CONFLICT DO NOTHING")
            if not cursor.rowcount:
                link.rollback()
        yield part

    return copy


def apart(rows: DataFrame) -> DataFrame:
    """The same in a clone of the session, whose settings are its own."""
    session = SparkSession(rows.sparkSession.sparkContext, rows.sparkSession._jsparkSession.cloneSession())
    session.conf.set("spark.sql.ansi.enabled", "false")
    session.conf.set("spark.sql.session.timeZone", "UTC")
    dataset = session._jvm.org.apache.spark.sql.classic.Dataset
    return DataFrame(dataset.ofRows(session._jsparkSession, rows._jdf.logicalPlan()), session)


def _as_blocks(rows: DataFrame) -> Any:
    """Thousands of rows at once, as Arrow lays them out: nothing is done for a single one, neither in the JVM nor in Python."""
    from pyspark.core.rdd import RDD
    from pyspark.serializers import NoOpSerializer

    batches = rows._jdf.toArrowBatchRdd().toJavaRDD()
    return RDD(batches, rows.sparkSession.sparkContext, NoOpSerializer()).map(values_of)


def values_of(batch: bytes) -> memoryview:
    """The values of an Arrow batch with one column, one behind the other; https://arrow.apache.org/docs/format/Columnar.html."""
    from struct import unpack_from

    def follow(place: int) -> int:
        return int(place + unpack_from("<I", batch, place)[0])

    def find(table: int, number: int) -> int:
        """Where a flatbuffer's table holds its field of this number."""
        return int(table + unpack_from("<H", batch, table - unpack_from("<i", batch, table)[0] + 4 + 2 * number)[0])

    record = follow(find(follow(8), 2))  # behind the mark and the size of the message
    buffers = follow(find(record, 2))
    offset, size = unpack_from("<qq", batch, buffers + 4 + 2 * 16)  # behind validity and offsets
    body = 8 + unpack_from("<I", batch, 4)[0]
    return memoryview(batch)[body + offset : body + offset + size]


def _in_utc(field: T.StructField) -> Column:
    """A moment as text, whatever the time zone of session and JVM; the usual one takes the short way."""
    elsewhere = f"timestampadd(MICROSECOND, unix_micros({named(field)}), TIMESTAMP_NTZ'1970-01-01 00:00:00')"
    return F.expr(f"IF(current_timezone() = 'UTC', CAST({named(field)} AS STRING), CAST({elsewhere} AS STRING))")


def _plain(field: T.StructField) -> Column:
    """A value as SQL Server's driver takes it."""
    column, kind = F.col(named(field)), field.dataType
    if isinstance(kind, T.TimestampType):
        column = _in_utc(field)
    elif isinstance(kind, (T.TimestampNTZType, T.ByteType)):
        column = column.cast("string" if isinstance(kind, T.TimestampNTZType) else "smallint")
    elif isinstance(kind, NESTED):
        column = F.to_json(column)
    return column.alias(field.name)
