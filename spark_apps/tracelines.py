"""Lines of the trace's files to typed rows, each with the reason why it is none."""

from collections.abc import Iterable, Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

import jobfiles
import tracekit as trace

READ_AS = {"TIME": "STRING", "FLAG": "INT"}
STORED_AS = {"TIME": "BIGINT", "FLAG": "BOOLEAN"}
CSV = {"columnNameOfCorruptRecord": "broken", "quote": ""}  # no field of the trace is quoted
LARGEST = 1.7976931348623157e308
UNBOUNDED = ("cpi", "mai")  # quotients of counters, which nobody sums
TEXT = "text where a number belongs"


def kinds_of(folder: str) -> dict[str, str]:
    return {name: kind.rstrip("!") for name, kind in trace.columns(folder).items()}


def stored_columns(folder: str) -> str:
    """The columns of a folder's table, with those that it is partitioned by."""
    typed = ", ".join(f"{name} {STORED_AS.get(kind, kind)}" for name, kind in kinds_of(folder).items())
    return f"{typed}, day INT, source_id BIGINT"


def parse(lines: DataFrame, folder: str) -> DataFrame:
    """Lines to typed rows; `reason` says why a line is none."""
    kinds = kinds_of(folder)
    schema = ", ".join(f"{name} {READ_AS.get(kind, kind)}" for name, kind in kinds.items())
    parsed = jobfiles.parse_once(lines.select("value", "source_file"), F.from_csv("value", f"{schema}, broken STRING", CSV))
    parsed = parsed.withColumns({f"{name}_read": read_time(name) for name in of_kind(kinds, "TIME")})
    first_time = next(iter(kinds))
    return parsed.select(
        *(store(name, kind) for name, kind in kinds.items()),
        F.floor(F.col(f"{first_time}_read") / trace.DAY).cast("int").alias("day"),
        F.xxhash64("source_file").alias("source_id"),  # a cryptographic hash, row by row, would cost a quarter of the landing
        "source_file",
        F.make_valid_utf8("value").alias("line"),
        find_reason(folder, kinds).alias("reason"),
    )


def read_time(name: str) -> Column:
    """Null for what is no whole number. Decimals are dear and seldom needed: some writers say 2^64-1 for "after the trace"."""
    within = F.greatest(F.least(exact(name), F.lit(trace.AFTER)), F.lit(-1)).cast("bigint")
    return F.coalesce(F.col(name).try_cast("bigint"), F.when(exact(name) == F.floor(exact(name)), within))


def exact(name: str) -> Column:
    return F.col(name).try_cast("decimal(38, 18)")


def store(name: str, kind: str) -> Column:
    if kind == "TIME":
        return F.col(f"{name}_read").alias(name)
    return F.col(name).cast("boolean").alias(name) if kind == "FLAG" else F.col(name)


def find_reason(folder: str, kinds: Mapping[str, str]) -> Column:
    """Null for a good row; the first rule that is broken else."""
    fields, broken = F.size(F.split("value", ",", -1)), F.col("broken").isNotNull()
    required = [name for name, kind in trace.columns(folder).items() if kind.endswith("!")]
    times = of_kind(kinds, "TIME")
    no_whole = F.when(any_of([exact(name).isNull() for name in times]), TEXT).otherwise("time is no whole number")
    reason = (
        F.when(~F.is_valid_utf8("value"), "not UTF-8")
        .when(F.trim("value") == "", "blank line")
        .when(broken & (fields < len(kinds)), "too few columns")
        .when(broken & (fields > len(kinds)), "too many columns")
        .when(broken, TEXT)
        .when(any_of([F.col(name).isNull() for name in required]), f"one of {', '.join(required)} is empty")
        .when(any_of([F.col(f"{name}_read").isNull() for name in times]), no_whole)
        .when(any_of([F.col(f"{name}_read") < 0 for name in times]), "negative time")
    )
    if folder in trace.LAST_TYPE:
        reason = reason.when(~F.col("event_type").between(0, trace.LAST_TYPE[folder]), "unknown event type")
    for flag in of_kind(kinds, "FLAG"):
        reason = reason.when(~F.col(flag).isin(0, 1), f"{flag} is neither 0 nor 1")
    if amounts := [F.col(name) for name in of_kind(kinds, "DOUBLE")]:
        reason = reason.when((F.least(*amounts) < 0) | (F.greatest(*amounts) > LARGEST), "an amount is negative or no number")
    if amounts := [F.col(name) for name in of_kind(kinds, "DOUBLE") if name not in UNBOUNDED]:
        reason = reason.when(F.greatest(*amounts) > trace.MOST, f"an amount is more than {trace.MOST:,.0f}")
    backwards = F.col("end_time_read") < F.col("start_time_read")
    return reason.when(backwards, "ends before it starts") if "end_time" in kinds else reason


def any_of(conditions: Iterable[Column]) -> Column:
    return reduce(Column.__or__, conditions)


def of_kind(kinds: Mapping[str, str], wanted: str) -> list[str]:
    return [name for name, kind in kinds.items() if kind == wanted]
