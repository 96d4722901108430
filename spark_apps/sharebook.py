"""The book of what has landed from shares: which version of which file, when, and which has vanished since."""

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import jobfiles
import rawstore
import sharefiles
from jobkit import Job
from sharecopy import Wanted

FILES = "yard.raw.share_land_files"
COLUMNS = (
    "share STRING, path STRING, size BIGINT, modified BIGINT, sha256 STRING, state STRING, uri STRING, run_id STRING, loaded TIMESTAMP"
)
TABLES = {FILES: (COLUMNS, "share")}


class Known(NamedTuple):
    size: int
    modified: int
    sha256: str
    state: str  # landed; vanished; renamed: its content is there by another name; copying: raw may hold a version that nobody noted
    key: str  # its place in raw


Book = Mapping[str, Known]
Missing = Mapping[str, list[Wanted]]  # by hash
OFF = ("vanished", "renamed")  # no longer on the share; raw keeps it


def read_book(spark: SparkSession, args: argparse.Namespace) -> Book:
    """What was last noted of each file."""
    key = F.expr(f"substring(uri, {len(args.to) + 2})")
    last = F.max_by(F.struct("size", "modified", "sha256", "state", key), "loaded").alias("last")
    return {row.path: Known(*row.last) for row in of_place(spark.table(FILES), args).groupBy("path").agg(last).collect()}


def read_paths(spark: SparkSession, args: argparse.Namespace, since: int | None, run_id: str) -> set[str]:
    """What other runs have noted since a version of the book."""
    spark.sql(f"REFRESH TABLE {FILES}")
    rows = spark.read.option("start-snapshot-id", str(since)).table(FILES) if since else spark.table(FILES)
    return {row.path for row in of_place(rows, args).where(F.col("run_id") != run_id).select("path").distinct().collect()}


def find_wanted(files: Sequence[sharefiles.Listed], book: Book) -> list[Wanted]:
    """Files that are new, changed, or back again."""
    wanted = []
    for path, size, modified in files:
        known = book.get(path)
        key = known.key if known and not rawstore.is_hidden(known.key) else rawstore.make_key(path)
        if not known or known.key != key:
            wanted.append(Wanted(path, size, modified, key, ""))
        elif known.state != "landed" or (known.size, known.modified) != (size, modified):
            # that of a renamed one is copied, not only noted: jobs have forgotten it, and know a file by its time
            wanted.append(Wanted(path, size, modified, key, "" if known.state == "renamed" else known.sha256))
    return wanted


def find_vanished(book: Book, listing: sharefiles.Listing, args: argparse.Namespace) -> list[Wanted]:
    seen = {file.path for file in listing.files}
    below = f"{args.folder}/" if args.folder else ""
    gone = [path for path, known in book.items() if known.state not in OFF and path.startswith(below) and path not in seen]
    gone = [path for path in gone if listing.knows(path) and sharefiles.matches(path, args.pattern)]
    return [Wanted(path, book[path].size, book[path].modified, book[path].key, book[path].sha256) for path in sorted(gone)]


def find_missing(book: Book, vanished: Sequence[Wanted], listing: sharefiles.Listing) -> Missing:
    """What raw keeps and the share has no more, by its hash; that the content of an empty file is elsewhere says nothing."""
    seen, missing = {file.path for file in listing.files}, defaultdict(list)
    before = [
        Wanted(path, known.size, known.modified, known.key, known.sha256) for path, known in book.items() if known.state == "vanished"
    ]
    for file in [*before, *vanished]:
        if file.size and file.known and file.path not in seen:
            missing[file.known].append(file)
    return missing


def find_moves(noted: Sequence[tuple[Wanted, str, str]], book: Book, missing: Missing) -> list[tuple[Wanted, str]]:
    """Files that are off the share and whose content has come there under a new name: each with that name."""
    moves = []
    for file, _, sha256 in noted:
        known = book.get(file.path)
        if (not known or known.state in OFF) and missing.get(sha256):
            moves.append((missing[sha256].pop(), file.path))
    return moves


def read_renamed(spark: SparkSession) -> set[str]:
    """Files of raw, by their URIs, whose content counts under another name: that which it has on the share now."""
    if not spark.catalog.tableExists(FILES):
        return set()
    spark.sql(f"REFRESH TABLE {FILES}")
    last = spark.table(FILES).groupBy("uri").agg(F.max_by("state", "loaded").alias("state"))
    return {row.uri for row in last.where("state = 'renamed'").collect()}


def of_place(rows: DataFrame, args: argparse.Namespace) -> DataFrame:
    return rows.where((F.col("share") == args.share) & F.col("uri").startswith(f"{args.to}/"))


def current_version(spark: SparkSession) -> int | None:
    spark.sql(f"REFRESH TABLE {FILES}")
    main = spark.table(f"{FILES}.refs").where("name = 'main'").head()
    return int(main.snapshot_id) if main else None


def note(spark: SparkSession, files: Sequence[tuple[Wanted, str, str]], args: argparse.Namespace, job: Job) -> None:
    """Enter files into the book, each with its state and hash: from now on they are known."""
    rows = [
        (args.share, file.path, file.size, file.modified, sha256, state, f"{args.to}/{file.key}", job.run_id)
        for file, state, sha256 in files
    ]
    columns = COLUMNS.rpartition(", ")[0]
    entry = spark.createDataFrame(rows, columns).select("*", F.current_timestamp().alias("loaded"))
    jobfiles.retry_conflicts(lambda: jobfiles.append_rows(entry.coalesce(1), FILES, job))
