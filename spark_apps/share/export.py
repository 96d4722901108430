"""Puts a table onto a Windows share, as one finished file.

From: a table, whole
To:   a file of the share: CSV (UTF-8, RFC 4180), Parquet or Excel, by its ending

The file is written under another name beside its place and put there in one step: who opens it sees the old one or the new one, whole.
Where somebody holds the old one open, Windows refuses, and the job says so.
"""

import argparse
import csv
import errno
import io
import math
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from decimal import Decimal
from typing import IO, Any

import xlsxwriter
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from xlsxwriter.exceptions import FileCreateError

import jobkit
import sharefiles

IN_MEMORY = 8  # of the memory of driver and executors, the part that a Parquet file may be: it goes through both whole, in several copies
UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
FULL = 1 << 20  # bytes that are free
ROWS, COLUMNS, TEXT = 1_048_575, 16_384, 32_767  # that Excel takes in a sheet, below the row of names; characters of a cell
DIGITS = 15  # that Excel keeps of a number
LOOKS = {"date": "yyyy-mm-dd", "timestamp": "yyyy-mm-dd hh:mm:ss.000", "timestamp_ntz": "yyyy-mm-dd hh:mm:ss.000"}


@contextmanager
def put_in_place(path: str) -> Iterator[IO[bytes]]:
    """A file to write to; it stands at `path` when all went well, and nowhere else."""
    folder, name = os.path.split(path)
    draft = os.path.join(folder, f".{name}.{uuid.uuid4().hex[:8]}.part")
    try:
        os.makedirs(folder, exist_ok=True)
        with open(draft, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        replace(draft, path)
    except OSError as error:
        raise jobkit.InputError(f"{path} cannot be written: {explain(error, folder)}") from error
    finally:
        with suppress(OSError):
            os.unlink(draft)


def explain(error: OSError, folder: str) -> str:
    """FUSE calls a full share an I/O error."""
    with suppress(OSError):
        space = os.statvfs(folder)
        if error.errno == errno.EIO and space.f_bavail * space.f_frsize < FULL:
            return "the share is full"
    return error.strerror or str(error)


def replace(draft: str, path: str) -> None:
    try:
        os.replace(draft, path)
    except OSError as error:  # that of a locked file depends on how the share is mounted: EACCES, EBUSY, EIO
        raise jobkit.InputError(f"{path} cannot be put in place ({error.strerror}): has somebody opened it?") from error


def as_text(column: Column) -> Column:
    return column.cast("string")


def in_utc(column: Column) -> Column:
    """As the session sees it; Python would take the machine's zone."""
    return column.cast("timestamp_ntz")


FLAT = {"binary": F.base64, "array": F.to_json, "map": F.to_json, "struct": F.to_json}
OF_CSV = FLAT | {"timestamp": as_text, "timestamp_ntz": as_text, "boolean": as_text}
OF_EXCEL = FLAT | {"timestamp": in_utc}


def flat(rows: DataFrame, cells: Mapping[str, Callable[[Column], Column]]) -> DataFrame:
    """What has no place in a cell becomes text."""
    kinds = {name: kind.partition("<")[0] for name, kind in rows.dtypes}
    return rows.select(*(cells.get(kind, as_it_is)(F.col(f"`{name}`")).alias(name) for name, kind in kinds.items()))


def as_it_is(column: Column) -> Column:
    return column


def write_csv(rows: DataFrame, file: IO[bytes], args: argparse.Namespace) -> int:
    """Row by row through the driver, so that no table is too large for it."""
    file.write(b"\xef\xbb\xbf" if args.bom else b"")
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    lines = csv.writer(text, delimiter=args.separator)
    lines.writerow(rows.columns)
    count = 0
    for row in flat(rows, OF_CSV).toLocalIterator(prefetchPartitions=True):
        lines.writerow(row)
        count += 1
    text.detach()
    return count


def write_excel(rows: DataFrame, file: IO[bytes], args: argparse.Namespace) -> int:
    """Row by row as well, beside the share first: who writes a workbook jumps about in it, which a mounted share may not take."""
    if rows.count() > ROWS or len(rows.columns) > COLUMNS:
        raise jobkit.InputError(
            f"{args.table} has more than the {ROWS:,} rows or {COLUMNS:,} columns that Excel takes: write CSV or Parquet"
        )
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with tempfile.TemporaryDirectory() as scratch:
        draft = os.path.join(scratch, "book.xlsx")
        try:
            with xlsxwriter.Workbook(draft, options | {"tmpdir": scratch}) as book:
                count = fill_sheet(book, rows)
        except (OSError, FileCreateError) as error:
            raise jobkit.InputError(f"the driver has no room to make the workbook: {error}") from error
        with open(draft, "rb") as made:
            shutil.copyfileobj(made, file)
    return count


def fill_sheet(book: xlsxwriter.Workbook, rows: DataFrame) -> int:
    sheet, count = book.add_worksheet(), 0
    sheet.freeze_panes(1, 0)
    for number, (_, kind) in enumerate(rows.dtypes):
        if kind in LOOKS:
            sheet.set_column(number, number, len(LOOKS[kind]), book.add_format({"num_format": LOOKS[kind]}))
    sheet.write_row(0, 0, rows.columns)
    for row in flat(rows, OF_EXCEL).toLocalIterator(prefetchPartitions=True):
        count += 1
        if sheet.write_row(count, 0, map(excel_cell, row)):
            raise jobkit.InputError(f"row {count:,} has a text of more than the {TEXT:,} characters that Excel takes: write CSV or Parquet")
    return count


def excel_cell(value: Any) -> Any:
    """Numbers and days that Excel would change are texts."""
    if isinstance(value, (int, Decimal)):
        return value if len(Decimal(value).normalize().as_tuple().digits) <= DIGITS else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, date):
        return value if value.year > 1900 else str(value)  # Excel knows no day before, and 1900 had a day too many
    return value


def write_parquet(rows: DataFrame, file: IO[bytes], args: argparse.Namespace) -> int:
    """Spark would write a folder. A table of one file is made instead, and its file copied: one that other programs read too."""
    spark, table = rows.sparkSession, f"{args.table.rpartition('.')[0]}.share_export_{uuid.uuid4().hex[:8]}"
    try:
        writer = rows.coalesce(1).writeTo(table).using("iceberg").tableProperty("write.parquet.compression-codec", "snappy")
        writer.tableProperty("write.target-file-size-bytes", str(1 << 40)).create()
        files = spark.table(f"{table}.files").select("file_path", "file_size_in_bytes", "record_count").collect()
        if not files:
            raise jobkit.InputError(f"{args.table} has no rows: there is nothing to put into a Parquet file")
        size, largest = sum(found.file_size_in_bytes for found in files), find_largest(spark)
        if len(files) > 1 or size > largest:
            raise jobkit.InputError(
                f"{args.table} is {size / (1 << 20):,.1f} MiB of Parquet, and an eighth of the memory of driver or executor is "
                f"{largest / (1 << 20):,.1f}: give both more, or write CSV, which goes through them row by row"
            )
        file.write(spark.read.format("binaryFile").load(files[0].file_path).select("content").collect()[0].content)
        return int(files[0].record_count)
    finally:
        spark.sql(f"DROP TABLE IF EXISTS {table} PURGE")


def find_largest(spark: SparkSession) -> int:
    """Bytes of a file that driver and executor can both hold, in as many copies as Spark makes of it."""
    return min(memory(spark.conf.get(f"spark.{who}.memory", "1g") or "1g") for who in ("driver", "executor")) // IN_MEMORY


def memory(text: str) -> int:
    """Bytes, as Spark says them: 512m, 1g, 2048mb; a number alone counts MiB."""
    found = re.fullmatch(r"(\d+)([kmgt]?)b?", text.strip().lower())
    if not found:
        raise jobkit.InputError(f"{text} is no size of a memory")
    return int(found[1]) * UNITS[found[2] or "m"]


WRITERS: dict[str, Callable[[DataFrame, IO[bytes], argparse.Namespace], int]] = {
    ".csv": write_csv,
    ".parquet": write_parquet,
    ".xlsx": write_excel,
}


def compute(spark: SparkSession, args: argparse.Namespace, job: jobkit.Job) -> None:
    with job.phase("look at the share"):
        root = sharefiles.open_share(args.share)
        if not spark.catalog.tableExists(args.table):
            raise jobkit.InputError(f"{args.table}: no such table")
    with job.phase("write"):
        rows = spark.table(args.table)
        job.rows["read"] = rows.count()
        with put_in_place(os.path.join(root, args.path)) as file:
            job.rows["written"] = WRITERS[os.path.splitext(args.path)[1].lower()](rows, file, args)
            job.check("rows read = rows written", job.rows["read"] == job.rows["written"])
    job.facts |= {"file": f"{args.share}/{args.path}", "bytes": os.path.getsize(os.path.join(root, args.path))}


def path(text: str) -> str:
    text = text.replace("\\", "/").strip("/")
    if os.path.splitext(text)[1].lower() not in WRITERS:
        raise argparse.ArgumentTypeError(f"{text}: a file ends in {', '.join(WRITERS)}")
    if bad := re.findall(r'[<>:"|?*]|(?:^|/)\.\.?(?=/|$)|[. ](?=/|$)', text):
        raise argparse.ArgumentTypeError(f"{text}: Windows takes no {', '.join(bad)} there")
    return text


def arguments() -> argparse.ArgumentParser:
    parser = jobkit.Arguments("share-export", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", required=True, help="yard.<layer>.<name>")
    parser.add_argument("--share", required=True, type=sharefiles.share_name, help="the share's name, which is that of its claim")
    parser.add_argument("--path", required=True, type=path, help="the file's place on the share, as in results/curves.xlsx")
    parser.add_argument("--separator", default=",", help="between the columns of a CSV file")
    parser.add_argument("--bom", action="store_true", help="mark a CSV file as UTF-8, for Excel")
    return parser


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobkit.run("share-export", arguments(), compute, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
