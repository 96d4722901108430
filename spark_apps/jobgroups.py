"""Many small files in few parts of a table: the files of a folder share a handful of groups, and a group is replaced whole.

A table that is partitioned by file has a data file for each, however small. A file's path alone says its group: so two runs that land one
file at once, also in two versions, are in each other's way, and the second one reads again (jobfiles.retry_conflicts).
"""

from collections.abc import Sequence
from zlib import crc32

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

import jobfiles
from jobkit import Job

GROUPS = 8  # of a folder
SMALL = 32 << 20  # bytes: of such files a task reads many, and so rows of many groups


def group_id(source_file: str) -> str:
    return f"{crc32(source_file.rpartition('/')[0].encode()):x}-{crc32(source_file.encode()) % GROUPS}"


def group_column() -> Column:
    """The same, row by row."""
    folder = F.regexp_replace("source_file", "/[^/]*$", "")
    return F.concat_ws("-", F.lower(F.hex(F.crc32(folder))), F.crc32("source_file") % GROUPS).alias("source_id")


def of_files(rows: DataFrame, files: Sequence[Row], how: str = "left_semi") -> DataFrame:
    """Rows of these files, or of all others (`left_anti`)."""
    names = rows.sparkSession.createDataFrame([(file.source_file,) for file in files], "source_file STRING")
    return rows.join(F.broadcast(names), "source_file", how)


def replace_files(rows: DataFrame, table: str, files: Sequence[Row], job: Job) -> None:
    """Put these rows in the place of what the files said: one commit, in which what their groups hold of other files stays."""
    known = jobfiles.read_anew(rows.sparkSession, table)
    held = of_files(known.select("source_file", "source_id"), files).select("source_id").distinct().collect()
    groups = F.col("source_id").isin(sorted({row.source_id for row in held} | {group_id(file.source_file) for file in files}))
    kept = of_files(known.where(groups), files, "left_anti")
    gathered = "hash" if sum(file.size for file in files) < SMALL * len(files) else "none"
    jobfiles.guarded(rows.unionByName(kept), table, job).option("distribution-mode", gathered).overwrite(groups)
    job.tables.append(table)
