"""Puts a table onto a Windows share, as one finished file.

From: a table, whole
To:   a file of the share: CSV (UTF-8, RFC 4180) or Parquet, by its ending

The file is written under another name beside its place and put there in one step: who opens it sees the old one or the new one, whole.
Where somebody holds the old one open, Windows refuses, and the job says so. Excel: no library for it is in the image, and Excel opens
CSV.
"""

import argparse
import csv
import errno
import io
import os
import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

import jobkit
import sharefiles

IN_MEMORY = 8  # of the memory of driver and executors, the part that a Parquet file may be: it goes through both whole, in several copies
UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
FULL = 1 << 20  # bytes that are free


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


def write_csv(rows: DataFrame, file: IO[bytes], args: argparse.Namespace) -> int:
    """Row by row through the driver, so that no table is too large for it."""
    file.write(b"\xef\xbb\xbf" if args.bom else b"")
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    lines = csv.writer(text, delimiter=args.separator)
    lines.writerow(rows.columns)
    count = 0
    for row in flat(rows).toLocalIterator(prefetchPartitions=True):
        lines.writerow(row)
        count += 1
    text.detach()
    return count


def flat(rows: DataFrame) -> DataFrame:
    """What has no place in a cell becomes text: times (in the session's zone, which is UTC), flags, lists."""
    texts = {"timestamp": as_text, "timestamp_ntz": as_text, "boolean": as_text, "binary": F.base64}
    nested = dict.fromkeys(("array", "map", "struct"), F.to_json)
    kinds = {name: kind.partition("<")[0] for name, kind in rows.dtypes}
    return rows.select(*((texts | nested).get(kind, as_it_is)(F.col(f"`{name}`")).alias(name) for name, kind in kinds.items()))


def as_text(column: Column) -> Column:
    return column.cast("string")


def as_it_is(column: Column) -> Column:
    return column


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


WRITERS: dict[str, Callable[[DataFrame, IO[bytes], argparse.Namespace], int]] = {".csv": write_csv, ".parquet": write_parquet}


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
        raise argparse.ArgumentTypeError(f"{text}: a file ends in {' or '.join(WRITERS)}")
    if bad := re.findall(r'[<>:"|?*]|(?:^|/)\.\.?(?=/|$)|[. ](?=/|$)', text):
        raise argparse.ArgumentTypeError(f"{text}: Windows takes no {', '.join(bad)} there")
    return text


def arguments() -> argparse.ArgumentParser:
    parser = jobkit.Arguments("share-export", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", required=True, help="yard.<layer>.<name>")
    parser.add_argument("--share", required=True, type=sharefiles.share_name, help="the share's name, which is that of its claim")
    parser.add_argument("--path", required=True, type=path, help="the file's place on the share, as in results/curves.csv")
    parser.add_argument("--separator", default=",", help="between the columns of a CSV file")
    parser.add_argument("--bom", action="store_true", help="mark a CSV file as UTF-8, for Excel")
    return parser


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobkit.run("share-export", arguments(), compute, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
