"""Losses of a catastrophe model as our jobs know them: the columns of their files, and what an occurrence and a year are.

A row is what one event of one simulated year (an iteration) costs one layer by one binding. Several rows are one occurrence where
iteration, day, event set and event agree; all that falls into one iteration is a year. Iterations in which nothing happened have no row
and count as zero.
"""

import argparse
from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from jobkit import InputError, Job, whole

ROWS = "yard.trusted.losses_land"
QUARANTINE = "yard.trusted.losses_land_quarantine"
FILES = "yard.trusted.losses_land_files"

# As in the files. Amounts are 64 bits wide: 32 would round cents away.
IN_FILES = (
    "Iteration BIGINT, EventSetTypeId BIGINT, Day BIGINT, EventID BIGINT, EventSetID BIGINT, TagID BIGINT, "
    "Layer DOUBLE, RIP DOUBLE, RIB DOUBLE, LayerId BIGINT, Premium DOUBLE, Tax DOUBLE, Brokerage DOUBLE, "
    "NetLayer DOUBLE, Phantom INT, Subject DOUBLE, BindingId BIGINT"
)
RENAMED = {"LayerId": "LayerID", "EventSetTypeId": "RegionID"}
BASES = ("Layer", "NetLayer", "Subject")  # what a loss may be measured by
GROUP = ("snapshot", "RegionID", "LayerID")
OCCURRENCE = (*GROUP, "Iteration", "Day", "EventSetID", "EventID")
READS = {ROWS: [*OCCURRENCE, *BASES, "Phantom"]}  # what a question needs of them


def columns() -> dict[str, str]:
    """Name and type of each column of the files."""
    return dict(column.split() for column in IN_FILES.split(", "))


def stored() -> dict[str, str]:
    """The same as the tables name them."""
    return {RENAMED.get(name, name): kind for name, kind in columns().items()}


def exact_sum(column: str) -> Column:
    """Summed as decimals: of doubles the last digits would hang on the order of rows, and so on where the job runs."""
    return F.sum(F.col(column).cast("decimal(28, 6)"))


def occurrences(rows: DataFrame, basis: str) -> DataFrame:
    """One row an occurrence: what it costs a layer in all."""
    return rows.groupBy(*OCCURRENCE).agg(exact_sum(basis).alias("loss"))


def years(rows: DataFrame, basis: str) -> DataFrame:
    """One row for each year in which a layer lost or won anything: the sum of its occurrences, and the largest."""
    return occurrences(rows, basis).groupBy(*GROUP, "Iteration").agg(F.sum("loss").alias("sum"), F.max("loss").alias("largest"))


def iterations(rows: DataFrame, told: int | None) -> DataFrame:
    """How many years each snapshot stands for: as told, else the highest number in any of its rows."""
    counted = F.lit(told).cast("bigint") if told else F.max("Iteration")
    return rows.groupBy("snapshot").agg(counted.alias("iterations"))


def facts(inputs: Mapping[str, DataFrame]) -> DataFrame:
    """What is told and checked, whatever the loss is measured by."""
    sums = [exact_sum(basis).alias(basis) for basis in BASES]
    return inputs[ROWS].agg(F.max("Iteration").alias("highest"), F.count_if(F.col("Phantom") != 0).alias("phantom_rows"), *sums)


def tell(rows: Sequence[Row], found: Row, job: Job) -> None:
    """What was counted, by what measure."""
    counted = max(row.iterations for row in rows)
    if counted < found.highest:
        raise InputError(f"--iterations {counted:,} is too few: the files hold iteration {found.highest:,}")
    job.facts |= {"basis": rows[0].basis, "iterations": counted, "phantom_rows": found.phantom_rows}
    if counted == found.highest:
        job.facts["iterations_are"] = "the highest number of any row: --iterations says so where years at the end had no loss"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--loss", choices=BASES, default=BASES[0], help="the column that is the loss")
    parser.add_argument("--iterations", type=whole(1, 10**9), help="years simulated; the highest number seen without")
