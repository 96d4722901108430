"""Rows as PostgreSQL's binary COPY takes them, made by Spark's own expressions: no value becomes text on its way, and none is parsed there.

A row is the number of its fields, then of each its length and its bytes, the high one first; a length of -1 is a null. Types are those of
sqlwords.TYPES: a column of another type would refuse the bytes. https://www.postgresql.org/docs/current/sql-copy.html
"""

from pyspark.sql import DataFrame
from pyspark.sql import types as T

from sqlwords import NESTED

HEADER, END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
NULL = "X'FFFFFFFF'"
EPOCH = 946_684_800_000_000  # 2000-01-01 in microseconds
EXACT = 18  # digits that any BIGINT holds
CHUNK = 16  # decimal digits: four of PostgreSQL's, each of which counts to 10,000
BITS = {"float": ("java.lang.Float", "floatToRawIntBits", "int"), "double": ("java.lang.Double", "doubleToRawLongBits", "bigint")}
WHOLE = {"tinyint": ("SMALLINT", 2), "smallint": ("SMALLINT", 2), "int": ("INT", 4), "bigint": ("BIGINT", 8)}
Pair = tuple[int | str, str]  # the length of a value, or what tells it, and its bytes


def as_rows(rows: DataFrame) -> DataFrame:
    """One column of bytes; in a session whose time zone is UTC and whose ANSI mode, which casts no number to its bytes, is off."""
    parts = [part for field in rows.schema for part in _parts(field)]
    return rows.selectExpr(f"concat(X'{len(rows.columns):04X}', {', '.join(parts)}) AS row")


def _parts(field: T.StructField) -> tuple[str, str]:
    name = named(field)
    length, value = _field(name, field.dataType)
    if isinstance(length, str):
        return f"coalesce(CAST({length} AS BINARY), {NULL})", f"coalesce({value}, X'')"
    return f"IF({name} IS NULL, {NULL}, X'{length:08X}')", f"coalesce({value}, X'')"


def _field(name: str, kind: T.DataType) -> Pair:
    if isinstance(kind, T.DecimalType):
        return _decimal(name, kind.precision, kind.scale)
    if isinstance(kind, (T.StringType, T.BinaryType)):
        return f"octet_length({name})", f"CAST({name} AS BINARY)"
    if isinstance(kind, NESTED):
        return f"octet_length(to_json({name})) + 1", f"concat(X'01', CAST(to_json({name}) AS BINARY))"
    return _fixed(name, kind)


def _fixed(name: str, kind: T.DataType) -> Pair:
    known = kind.simpleString()
    if known in WHOLE:
        whole, length = WHOLE[known]
        return length, f"CAST(CAST({name} AS {whole}) AS BINARY)"
    if known in BITS:
        owner, method, bits = BITS[known]
        whole, length = WHOLE[bits]
        return length, f"CAST(CAST(IF({name} IS NULL, NULL, java_method('{owner}', '{method}', {name})) AS {whole}) AS BINARY)"
    if known == "date":
        return 4, f"CAST(datediff({name}, DATE'2000-01-01') AS BINARY)"
    if known == "boolean":
        return 1, f"CASE WHEN {name} THEN X'01' WHEN NOT {name} THEN X'00' END"
    return 8, f"CAST(unix_micros(CAST({name} AS TIMESTAMP)) - {EPOCH} AS BINARY)"


def _decimal(name: str, precision: int, scale: int) -> Pair:
    """How many digits, and which power of 10,000 the first one counts; sign; scale; the digits, with zeros in front and behind."""
    lowest = -(-scale // 4) * 4  # so many decimal digits behind the point
    chunks = -(-(precision - scale + lowest) // CHUNK)
    digits = 4 * chunks
    head = [f"X'{digits:04X}{(digits - lowest // 4 - 1) & 0xFFFF:04X}{sign}{scale:04X}'" for sign in ("4000", "0000")]
    packed = [_packed(chunk) for chunk in _chunks(name, precision, scale, chunks)]
    zero = f"0{'.' * bool(scale)}{'0' * scale}BD"  # of the same scale: both would be rounded to a common one
    return 8 + 2 * digits, f"concat(IF({name} < {zero}, {head[0]}, {head[1]}), {', '.join(packed)})"


def _chunks(amount: str, precision: int, scale: int, count: int) -> list[str]:
    """Whole numbers of CHUNK digits, the highest first: by BIGINT where it holds all digits, else by decimals, which is slow.

    Without their signs only then: Spark rounds the absolute value of a decimal to 34 digits.
    """
    lowest = -(-scale // 4) * 4
    if precision - scale + lowest <= EXACT:
        whole = f"abs(CAST({amount} * 1{'0' * lowest}BD AS BIGINT))"
        return [f"({whole} div 1{'0' * CHUNK})", f"({whole} % 1{'0' * CHUNK})"] if count > 1 else [whole]
    return [_slice(amount, CHUNK * place - lowest, precision, scale) for place in reversed(range(count))]


def _slice(amount: str, low: int, precision: int, scale: int) -> str:
    """The CHUNK digits from 10 to the power of `low` on."""
    rest = f"({amount} % {_power(low + CHUNK)})" if low + CHUNK < precision - scale else amount
    least = max(low, -scale)  # there are no digits below
    return f"abs({rest} div {_power(least)} * 1{'0' * (least - low)})"


def _power(exponent: int) -> str:
    return f"1{'0' * exponent}BD" if exponent >= 0 else f"0.{'0' * (-exponent - 1)}1BD"


def _packed(chunk: str) -> str:
    """Four digits of 16 bits."""
    digits = [f"shiftleft({chunk} div 1{'0' * 4 * place} % 10000, {16 * place})" for place in (3, 2, 1, 0)]
    return f"CAST({' | '.join(digits)} AS BINARY)"


def named(field: T.StructField) -> str:
    return f"`{field.name.replace('`', '``')}`"
