"""Lands six World Development Indicators, a row for each country, indicator and year.

From: WDICSV.csv under <input>: the latest one, by its time of change
To:   yard.trusted.wdi_land             country, code, indicator, year, value; a value that the file lacks is null there
      yard.trusted.wdi_land_quarantine  every line that is no row, with reason and source file

A file holds all there is, so it takes the place of what an earlier one said, in one commit; landed again it changes nothing. Years are
found by the names of their columns: some files have an empty column behind the last year. Lines of other indicators are only counted.
"""

import argparse
import csv
import json
from collections import Counter
from collections.abc import Sequence
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

import jobanswers
import jobfiles
import jobkit
import jobrejects
import wdikit

QUARANTINE = "yard.trusted.wdi_land_quarantine"
FILE = "WDICSV.csv"
OTHER = "another indicator"
TRIMMED = " \t\r\ufeff"


def find_file(spark: SparkSession, path: str) -> Row:
    files = [file for file in jobfiles.list_files(spark, path).collect() if file.path.rpartition("/")[2] == FILE]
    if not files:
        raise jobkit.InputError(f"{path}: no {FILE} with content in it")
    return max(files, key=lambda file: (file.modified, file.path))


def read_header(spark: SparkSession, file: Row, years: Sequence[int]) -> list[str]:
    """The names of the columns, without the empty one at the end."""
    first = jobfiles.read_lines(spark, [file]).head()
    names = [name.strip() for name in next(csv.reader([first.value.strip(TRIMMED)]))]
    names = names[:-1] if names[-1] == "" else names
    wanted = [*wdikit.IDS, *map(str, years)]
    if missing := [name for name in wanted if names.count(name) != 1]:
        told = f"{len(missing)} columns, {missing[0]} among them" if len(missing) > 3 else ", ".join(missing)
        raise jobkit.InputError(f"{file.source_file}: its header lacks {told}, or has it twice; --years says which are asked for")
    return names


def parse(lines: DataFrame, names: Sequence[str], years: Sequence[int]) -> DataFrame:
    """A row for each line: its keys, its values by year, and `reason`, which says why it is none.

    Lines that name none of our indicators, nearly all, are not taken apart.
    """
    text = F.btrim("value", F.lit(TRIMMED))
    quoted = F.regexp_replace(text, '"[^"]*"', "")  # what stands in quotes holds no separator
    fields = F.length(quoted) - F.length(F.replace(quoted, F.lit(","), F.lit(""))) + 1
    spare = (fields == len(names) + 1) & text.rlike(r',("")?$')
    row = F.from_csv(F.when(spare, F.regexp_replace(text, r',("")?$', "")).otherwise(text), schema(names))
    ours = reduce(or_, (text.contains(code) for code in wdikit.INDICATORS))
    counted = lines.select("source_file", "value", text.alias("text"), (fields - spare.cast("int")).alias("fields"), ours.alias("ours"))
    return jobfiles.parse_once(counted, F.when(F.col("ours"), row)).select(
        "source_file",
        F.make_valid_utf8("value").alias("line"),
        *(F.col(f"c{names.index(name)}").alias(column) for name, column in wdikit.IDS.items()),
        F.array(*(value(names.index(str(year)), year) for year in years)).alias("values"),
        reason(names).alias("reason"),
    )


def schema(names: Sequence[str]) -> str:
    return ", ".join(f"c{number} STRING" for number in range(len(names)))


def value(number: int, year: int) -> Column:
    """Null where there is nothing, NaN where there is something else than a number."""
    said = F.btrim(F.col(f"c{number}"))
    amount = F.when(said == "", None).when(said.isNotNull(), F.coalesce(said.try_cast("double"), F.lit(float("nan"))))
    return F.struct(F.lit(year).alias("year"), amount.alias("value"))


def reason(names: Sequence[str]) -> Column:
    code = F.col(f"c{names.index('Indicator Code')}")
    country = F.col(f"c{names.index('Country Code')}")
    return (
        F.when(F.col("text").startswith("Country Name,") | F.col("text").startswith('"Country Name",'), jobrejects.HEADER)
        .when(~F.is_valid_utf8("value"), "not UTF-8")
        .when(F.col("text") == "", "blank line")
        .when(F.col("fields") < len(names), "too few columns")
        .when(F.col("fields") > len(names), "too many columns")
        .when(~F.col("ours"), OTHER)
        .when(F.coalesce(country, F.lit("")) == "", "no country")
        .when(~F.coalesce(code.isin(*wdikit.INDICATORS), F.lit(False)), OTHER)
    )


def to_rows(parsed: DataFrame) -> DataFrame:
    """The reason of a line whose years hold something else than numbers comes last: other lines' years are not looked at."""
    odd = F.exists("values", lambda cell: F.isnan(cell["value"]) | (F.abs(cell["value"]) == float("inf")))
    why = F.coalesce(F.col("reason"), F.when(odd, "text where a number belongs"))
    return parsed.withColumn("reason", why)


def long_form(rows: DataFrame) -> DataFrame:
    names = F.create_map(*(F.lit(word) for pair in wdikit.INDICATORS.items() for word in pair))
    cells = rows.where(F.col("reason").isNull()).withColumn("cell", F.explode("values"))
    return cells.select(
        "country",
        "country_code",
        wdikit.is_aggregate().alias("is_aggregate"),
        names[F.col("indicator_code")].alias("indicator"),
        "indicator_code",
        F.col("cell.year").alias("year"),
        F.col("cell.value").alias("value"),
    )


def examine(rows: DataFrame, total: int, job: jobkit.Job) -> Counter[str]:
    """Counted by reason, with those of other indicators, which are not among the rows; a country may have an indicator once."""
    counted = (
        rows.groupBy("reason").agg(F.count("*").alias("lines"), F.count_distinct("country_code", "indicator_code").alias("keys")).collect()
    )
    reasons = Counter({row.reason: row.lines for row in counted if row.reason not in (None, jobrejects.HEADER)})
    job.rows |= {"read": total - sum(row.lines for row in counted if row.reason == jobrejects.HEADER), "rejected": reasons.total()}
    job.facts["lines_of_other_indicators"] = total - sum(row.lines for row in counted)
    good = [row for row in counted if row.reason is None]
    if not good:
        raise jobkit.InputError(f"no line of any of the indicators {', '.join(wdikit.INDICATORS)}. No table was touched.")
    job.check("a country has an indicator once", good[0].lines == good[0]["keys"])
    return reasons


def load(spark: SparkSession, file: Row, key: str, args: argparse.Namespace, job: jobkit.Job) -> None:
    """Lines are parsed once: those of other indicators, which are most, are let go, the rest is kept in memory."""
    lines = jobfiles.read_lines(spark, [file])
    rows = to_rows(parse(lines, read_header(spark, file, args.years), args.years)).where(f"reason IS DISTINCT FROM '{OTHER}'").persist()
    try:
        with job.phase("check lines"):
            reasons = examine(rows, lines.count(), job)
        write(spark, rows, reasons, key, args, job)
    finally:
        rows.unpersist()


def write(spark: SparkSession, rows: DataFrame, reasons: Counter[str], key: str, args: argparse.Namespace, job: jobkit.Job) -> None:
    spark.sql("CREATE NAMESPACE IF NOT EXISTS yard.trusted")
    with job.phase("quarantine"):
        rejects = rows.where(F.col("reason") != jobrejects.HEADER)
        jobanswers.replace(rejects.select("line", "reason", "source_file"), QUARANTINE, {}, job)
        job.facts |= {"rejected_because": dict(reasons)} if reasons else {}
        jobrejects.check_share(reasons, args.max_rejected, QUARANTINE, job)
    with job.phase("write"):
        said = {jobanswers.KEY: key, jobanswers.SAID: jobanswers.remember(job)}
        jobanswers.replace(long_form(rows).coalesce(1), wdikit.ROWS, said, job)
        job.rows["written"] = jobfiles.read_anew(spark, wdikit.ROWS).count()


def compute(spark: SparkSession, args: argparse.Namespace, job: jobkit.Job) -> None:
    with job.phase("find file"):
        file = find_file(spark, args.input)
        job.facts["file"] = file.source_file
        key = make_key(file, args)
        before = jobanswers.last_commit(spark, wdikit.ROWS)
    if before.get(jobanswers.KEY) == key:
        job.facts |= json.loads(before[jobanswers.SAID])["facts"]
        job.facts["nothing_new"] = "the same file, years and code as before"
        return
    load(spark, file, key, args, job)


def make_key(file: Row, args: argparse.Namespace) -> str:
    code = [Path(path) for path in (__file__, wdikit.__file__)]
    return jobanswers.hash_asked([file.source_file, file.size, file.modified, vars(args)], code)


def years(text: str) -> range:
    first, _, last = text.partition("-")
    whole = jobkit.whole(wdikit.FIRST, wdikit.LAST)
    if whole(first) > whole(last):
        raise argparse.ArgumentTypeError(f"{first} is after {last}")
    return range(int(first), int(last) + 1)


def arguments() -> argparse.ArgumentParser:
    parser = jobkit.Arguments("wdi-land", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", required=True, help=f"the folder under which {FILE} lies, as a URI")
    parser.add_argument("--years", type=years, default="2000-2024", help="the first and the last, which counts, as in 2000-2024")
    parser.add_argument("--max-rejected", type=jobkit.share, default=0.001, help="share of lines that may be no rows, 0 to 1")
    return parser


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobkit.run("wdi-land", arguments(), compute, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
