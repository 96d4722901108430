"""Files in, tables out: what a job needs to read each version of a file once and to be run again at any time.

A job keeps a book of the files it has read, an append-only table with at least FILE_COLUMNS. It writes to the book last, and
what it writes before replaces whatever an interrupted run left of the same files.

Two runs may read two versions of one file. A run takes down the versions of its tables before it reads, and replaces rows only where
nobody has since; else it reads again. So the rows of a file are never older than what the book says of it, whoever writes there last.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, DataFrameReader, DataFrameWriterV2, Row, SparkSession
from pyspark.sql import functions as F

from jobkit import InputError, Job

FILE_COLUMNS = "source_file STRING, size BIGINT, modified TIMESTAMP, read BIGINT, rejected BIGINT, run_id STRING, loaded TIMESTAMP"
CONFLICT = r"conflicting (\w+ )*files|missing data files|Missing required files|CommitFailedException"


def load_new_files(
    spark: SparkSession, path: str, tables: Mapping[str, tuple[str, str]], book: str, job: Job, load: Callable[[list[Row]], None]
) -> None:
    """Load the files that the book lacks; from the start again when another run writes of the same files meanwhile."""

    def attempt() -> None:
        job.tables.clear()
        with job.phase("find files"):
            ensure_tables(spark, tables)
            files = find_new_files(spark, path, book, job)
            job.versions = current_versions(spark, tables) if files else {}
        if files:
            load(files)

    retry_conflicts(attempt)


def current_versions(spark: SparkSession, tables: Iterable[str]) -> dict[str, int | None]:
    """The snapshot that each table is at; None for one that never had any."""
    for table in tables:
        spark.sql(f"REFRESH TABLE {table}")
    heads = [spark.table(f"{table}.refs").where("name = 'main'").select(F.lit(table).alias("table"), "snapshot_id") for table in tables]
    return dict.fromkeys(tables) | {row.table: row.snapshot_id for row in reduce(DataFrame.union, heads).collect()}


def list_files(spark: SparkSession, path: str) -> DataFrame:
    """The files with content under a folder (or the one file): path, source_file (its URI), size, modified. Opens none of them."""
    try:
        files = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(path)
    except AnalysisException as error:
        if error.getCondition() == "PATH_NOT_FOUND":
            raise InputError(f"{path}: no such file or folder") from error
        raise
    files = files.where("NOT path RLIKE '/_(common_)?metadata[^/=]*/'")  # hidden folders, which some of Spark's listings show
    return files.selectExpr("path", "_metadata.file_path AS source_file", "length AS size", "unix_micros(modificationTime) AS modified")


def find_new_files(spark: SparkSession, path: str, book: str, job: Job) -> list[Row]:
    """Files that the book lacks, or knows in another version (`changed`)."""
    last = F.max_by(F.struct("size", F.unix_micros("modified").alias("modified")), "loaded").alias("last")
    known = spark.table(book).groupBy("source_file").agg(last)
    found = list_files(spark, path).join(F.broadcast(known), "source_file", "left")
    files = found.withColumn("known", F.coalesce(F.col("last") == F.struct("size", "modified"), F.lit(False))).collect()
    if not files:
        raise InputError(f"{path}: no file with content")
    job.facts |= {"files_new": sum(not file.known for file in files), "files_known": sum(file.known for file in files)}
    return sorted((file for file in files if not file.known), key=lambda file: file.path)


def plain_paths(files: Iterable[Row]) -> list[str]:
    """Readers take globs, a file name is none."""
    return [re.sub(r"([\[\]{}*?\\])", r"\\\1", file.path) for file in files]


def reader(spark: SparkSession) -> DataFrameReader:
    """For files that are named one by one."""
    spark.conf.set("spark.sql.sources.parallelPartitionDiscovery.parallelism", 8)  # else each file is looked up by a task of its own
    return spark.read


def read_lines(spark: SparkSession, files: Sequence[Row]) -> DataFrame:
    """The lines of these files, each with the file it comes from: value, source_file."""
    return reader(spark).text(plain_paths(files)).selectExpr("value", "_metadata.file_path AS source_file")


def read_parquet(spark: SparkSession, files: Iterable[Row], schema: str) -> DataFrame:
    """The rows of these files, each with the file it comes from."""
    return reader(spark).schema(schema).parquet(*plain_paths(files)).selectExpr("*", "_metadata.file_path AS source_file")


def parse_once(lines: DataFrame, row: Column) -> DataFrame:
    """Lines with the fields of `row`, which is made of them: by a generator, below which Spark pushes no filter.

    Below a plain column it does, and each mention of a field in the filter parses the line anew: 38 times for one of losses.
    """
    return lines.select("*", F.inline(F.array(row)))


def source_id(path: str) -> str:
    """A short key for a file: tables are partitioned by it, so that one commit can replace all that a file said."""
    return hashlib.sha256(path.encode()).hexdigest()[:16]


def source_id_column() -> Column:
    return F.substring(F.sha2("source_file", 256), 1, 16).alias("source_id")


def from_files(files: Sequence[Row]) -> Column:
    return F.col("source_id").isin([source_id(file.source_file) for file in files])


def ensure_tables(spark: SparkSession, tables: Mapping[str, tuple[str, str]]) -> None:
    """Create the tables (name: columns, partitioning) that are not there; the last one stands for all."""
    if spark.catalog.tableExists(list(tables)[-1]):
        return
    # Rows arrive grouped by file already: no shuffle before the write.
    properties = "'write.distribution-mode'='none', 'write.spark.fanout.enabled'='true', 'write.parquet.compression-codec'='zstd'"
    # A small dictionary: where a column has one, each filter on it looks through all of it, file by file.
    properties += ", 'write.parquet.dict-size-bytes'='65536'"
    properties += ", 'write.wap.enabled'='true'"  # so that a run may stage rows before it publishes them
    for namespace in {table.rpartition(".")[0] for table in tables}:
        _create(spark, f"CREATE NAMESPACE IF NOT EXISTS {namespace}")
    for table, (columns, partitioned_by) in tables.items():
        partition = f"PARTITIONED BY ({partitioned_by})" if partitioned_by else ""
        _create(spark, f"CREATE TABLE IF NOT EXISTS {table} ({columns}) USING iceberg {partition} TBLPROPERTIES ({properties})")


def _create(spark: SparkSession, statement: str) -> None:
    try:
        spark.sql(statement)
    except Exception:  # another run was quicker between the look and the deed
        spark.sql(statement)


def replace_rows(rows: DataFrame, table: str, condition: Column, job: Job, said: Mapping[str, str] | None = None) -> None:
    """Replace the rows that meet the condition by these: one commit, which names its run, and fails where another run has been before.
    What else is `said` goes with it."""
    saying(guarded(rows, table, job), said or {}).overwrite(condition)
    job.tables.append(table)


def saying(writer: DataFrameWriterV2, said: Mapping[str, str]) -> DataFrameWriterV2:
    """A commit carries more than rows: who looks at it later knows what it was about."""
    return reduce(lambda so_far, name: so_far.option(f"snapshot-property.{name}", said[name]), said, writer)


def guarded(rows: DataFrame, table: str, job: Job) -> DataFrameWriterV2:
    """A writer whose overwrite fails if any row that it would replace is not of the version the job began with."""
    writer = rows.writeTo(table).option("snapshot-property.sparkyard.run-id", job.run_id).option("isolation-level", "serializable")
    version = job.versions[table]
    return writer if version is None else writer.option("validate-from-snapshot-id", str(version))


def append_rows(rows: DataFrame, table: str, job: Job, said: Mapping[str, str] | None = None) -> None:
    saying(rows.writeTo(table), {"sparkyard.run-id": job.run_id} | dict(said or {})).append()
    job.tables.append(table)


def note_files(
    spark: SparkSession,
    files: Sequence[Row],
    counts: dict[str, tuple[int, int]],
    book: str,
    job: Job,
    said: Mapping[str, str] | None = None,
) -> None:
    """Enter the files into the book, with the rows read and rejected of each: from now on they are known."""
    rows = [(f.source_file, f.size, f.modified, *counts.get(f.source_file, (0, 0)), job.run_id) for f in files]
    entered = spark.createDataFrame(rows, "source_file STRING, size LONG, modified LONG, read LONG, rejected LONG, run_id STRING")
    loaded = F.current_timestamp().alias("loaded")
    entry = entered.select("source_file", "size", F.timestamp_micros("modified").alias("modified"), "read", "rejected", "run_id", loaded)
    retry_conflicts(lambda: append_rows(entry, book, job, said))


def retry_conflicts(write: Callable[[], None], attempts: int = 5) -> None:
    """Another run may commit between our reading and our writing; what we would write is then computed again from what it left."""
    for attempt in range(1, attempts + 1):
        try:
            return write()
        except Exception as error:
            if attempt == attempts or not re.search(CONFLICT, str(error)):
                raise
            time.sleep(attempt)


def read_anew(spark: SparkSession, table: str) -> DataFrame:
    """The table as it is now, also when another run wrote it; a session would remember it for a while."""
    spark.sql(f"REFRESH TABLE {table}")
    return spark.table(table)
