"""`make bench-order`: what a table's order is worth to a question that filters by it.

Two tables of the same rows, whose times are in no order, as of a file that was written so; one of them has `WRITE LOCALLY ORDERED BY time`.
Both are written, tended by lake-upkeep, and asked for one day of 300, in turn. Prints the seconds of each, the size, and the ratio.

  python scripts/bench/order.py --rows 20000000 --target-mib 32
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import session
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from session import quietly, timed

from sparkyard.project import ROOT

sys.path.insert(0, str(ROOT / "spark_apps"))
import jobfiles
from lake import upkeep

TABLES = {"plain": "yard.trusted.bench_order_plain", "ordered": "yard.trusted.bench_order_ordered"}
FIRST, DAYS, DAY = 1_467_331_200, 300, 86_400
FILES = 8
ROWS = (f"timestamp_seconds({FIRST} + pmod(xxhash64(id), {DAYS * DAY})) AS time", "IF(id % 2 = 0, 'Open', 'Close') AS action")
MIDDLE = FIRST + DAYS // 2 * DAY
ONE_DAY = f"time >= timestamp_seconds({MIDDLE}) AND time < timestamp_seconds({MIDDLE + DAY})"


def make_tables(spark: SparkSession) -> None:
    for table in TABLES.values():
        jobfiles.ensure_tables(spark, {table: ("time TIMESTAMP, action STRING", "")})
    spark.sql(f"ALTER TABLE {TABLES['ordered']} WRITE LOCALLY ORDERED BY time")


def write(spark: SparkSession, table: str, rows: int) -> None:
    spark.range(0, rows, 1, FILES).selectExpr(*ROWS).writeTo(table).append()


def ask(spark: SparkSession, table: str) -> list[Any]:
    windows = spark.table(table).where(ONE_DAY).groupBy("action", F.floor(F.unix_seconds("time") / 600))
    return sorted(map(tuple, windows.count().collect()))


def tend(spark: SparkSession, table: str, target: int) -> None:
    quietly(lambda: upkeep.main(["--table", table, "--target-mib", str(target), "--min-files", "2"], spark))


def size(spark: SparkSession, table: str) -> str:
    files = spark.table(f"{table}.files").selectExpr("count(*) AS files", "sum(file_size_in_bytes) / 1e6 AS mb").collect()[0]
    return f"{files.files} files, {files.mb:.1f} MB"


def measure(spark: SparkSession, rows: int, target: int, rounds: int) -> None:
    make_tables(spark)
    write(spark, TABLES["plain"], FILES)  # what only the first one has to load
    spark.sql(f"DELETE FROM {TABLES['plain']}")
    for name, table in TABLES.items():
        written = timed(lambda table=table: write(spark, table, rows))
        tended = timed(lambda table=table: tend(spark, table, target))
        print(f"{name:8} written in {written:6.1f} s, tended in {tended:6.1f} s: {size(spark, table)}", flush=True)
    if len({str(ask(spark, table)) for table in TABLES.values()}) > 1:
        sys.exit("the tables answer differently")
    seconds: dict[str, list[float]] = {name: [] for name in TABLES}
    for _ in range(rounds):
        for name, table in TABLES.items():
            seconds[name].append(timed(lambda table=table: ask(spark, table)))
    plain, ordered = (statistics.median(times) for times in seconds.values())
    print(f"one day of {DAYS}: {plain:.3f} s plain, {ordered:.3f} s ordered, ratio {ordered / plain:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--target-mib", type=int, default=128, help="the size of file that upkeep aims at")
    parser.add_argument("--rounds", type=int, default=7, help="each table so often, in turn")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        spark = session.start(Path(folder) / "home", "3g")
        measure(spark, args.rows, args.target_mib, args.rounds)
        spark.stop()


if __name__ == "__main__":
    main()
