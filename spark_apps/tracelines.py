"""Lines of the trace's files to typed rows, each with the reason why it is none."""

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

import tracekit as trace

READ_AS = {"TIME": "DECIMAL(38, 18)", "FLAG": "INT"}
STORED_AS = {"TIME": "BIGINT", "FLAG": "BOOLEAN"}
CSV = {"columnNameOfCorruptRecord": "broken", "quote": ""}  # no field of the trace is quoted
LARGEST = 1.7976931348623157e308


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
    parsed = lines.withColumn("row", F.from_csv("value", f"{schema}, broken STRING", CSV)).select("value", "source_file", "row.*")
    first_time = next(iter(kinds))
    return parsed.select(
        *(store(name, kind) for name, kind in kinds.items()),
        F.floor(store(first_time, "TIME") / trace.DAY).cast("int").alias("day"),
        F.xxhash64("source_file").alias("source_id"),  # a cryptographic hash, row by row, would cost a quarter of the landing
        "source_file",
        F.make_valid_utf8("value").alias("line"),
        find_reason(folder, kinds).alias("reason"),
    )


def store(name: str, kind: str) -> Column:
    if kind == "TIME":  # some writers say 2^64-1 for "after the trace"
        return F.least(F.col(name), F.lit(trace.AFTER)).cast("bigint").alias(name)
    return F.col(name).cast("boolean").alias(name) if kind == "FLAG" else F.col(name)


def find_reason(folder: str, kinds: Mapping[str, str]) -> Column:
    """Null for a good row; the first rule that is broken else."""
    fields, broken = F.size(F.split("value", ",", -1)), F.col("broken").isNotNull()
    required = [name for name, kind in trace.columns(folder).items() if kind.endswith("!")]
    reason = (
        F.when(~F.is_valid_utf8("value"), "not UTF-8")
        .when(F.trim("value") == "", "blank line")
        .when(broken & (fields < len(kinds)), "too few columns")
        .when(broken & (fields > len(kinds)), "too many columns")
        .when(broken, "text where a number belongs")
        .when(reduce(Column.__or__, [F.col(name).isNull() for name in required]), f"one of {', '.join(required)} is empty")
        .when(reduce(Column.__or__, [F.col(name) < 0 for name in of_kind(kinds, "TIME")]), "negative time")
        .when(reduce(Column.__or__, [F.col(name) != F.floor(name) for name in of_kind(kinds, "TIME")]), "time is no whole number")
    )
    if folder in trace.LAST_TYPE:
        reason = reason.when(~F.col("event_type").between(0, trace.LAST_TYPE[folder]), "unknown event type")
    for flag in of_kind(kinds, "FLAG"):
        reason = reason.when(~F.col(flag).isin(0, 1), f"{flag} is neither 0 nor 1")
    if amounts := [F.col(name) for name in of_kind(kinds, "DOUBLE")]:
        reason = reason.when((F.least(*amounts) < 0) | (F.greatest(*amounts) > LARGEST), "an amount is negative or no number")
    return reason.when(F.col("end_time") < F.col("start_time"), "ends before it starts") if "end_time" in kinds else reason


def of_kind(kinds: Mapping[str, str], wanted: str) -> list[str]:
    return [name for name, kind in kinds.items() if kind == wanted]
