"""Lines of the lists of purchases: how one is read, and why it is no row."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

import jobrejects
from purchasekit import List

DAY_OF = r"/(\d{4}-\d\d-\d\d)/[^/]+$"
CSV = {"columnNameOfCorruptRecord": "broken", "escape": '"'}

# How a value is written that is of a kind; what is written otherwise is rejected, never rounded or guessed at.
WRITTEN = {
    "BIGINT": r"^\d{1,18}$",
    "INT": r"^\d{1,9}$",
    "DECIMAL(12,2)": r"^-?\d{1,10}(\.\d{1,2})?$",
    "TIMESTAMP": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$",
    "STRING": r"\S",
}


def parse(lines: DataFrame, kind: List) -> DataFrame:
    """Lines to typed columns; `reason` says why a line is no row."""
    text = F.btrim("value", F.lit(" \t\r\ufeff"))
    fields = F.from_csv(text, f"{', '.join(f'{name} STRING' for name in kind.columns)}, broken STRING", CSV)
    split = lines.select("source_file", "value", text.alias("text"), fields.alias("said"))
    reason = (
        F.when(F.col("text") == kind.header, jobrejects.HEADER)
        .when(~F.is_valid_utf8("value"), "not UTF-8")
        .when(F.col("text") == "", "blank line")
        .when(F.length(F.regexp_replace("text", '[^"]', "")) % 2 == 1, "a quote is not closed")
        .when(F.col("said.broken").isNotNull(), "not as many columns as its header")
    )
    for name, of in kind.columns.items():
        reason = reason.when(~is_written(name, of), f"{name} is empty" if of == "STRING" else f"{name} is no {of}")
    typed = split.select(
        "source_file",
        F.to_date(F.regexp_extract("source_file", DAY_OF, 1)).alias("date"),
        F.make_valid_utf8("value").alias("line"),
        *(F.col(f"said.{name}").try_cast(of).alias(name) for name, of in kind.columns.items()),
        reason.alias("why"),
    )
    broken = [F.when(F.expr(rule), why) for why, rule in kind.rules.items()]
    return reject_twice(typed.withColumn("reason", F.coalesce("why", *broken)), kind)


def is_written(name: str, kind: str) -> Column:
    said = F.col(f"said.{name}")
    return F.coalesce(said.rlike(WRITTEN[kind]) & said.try_cast(kind).isNotNull(), F.lit(False))


def reject_twice(rows: DataFrame, kind: List) -> DataFrame:
    """Of two rows with one key nobody knows which is right."""
    alike = F.count(F.when(F.col("reason").isNull(), 1)).over(Window.partitionBy("date", kind.key))
    why = F.coalesce("reason", F.when(alike > 1, f"{kind.key} is there more than once"))
    return rows.select("date", *kind.columns, "line", "source_file", why.alias("reason"))
