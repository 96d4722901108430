"""The Google cluster trace 2011 v2 as our jobs know it: its files, its tables, its times, its order of events.

Times are microseconds on the trace's clock, as in its files: 0 is before the trace, AFTER is behind its end, its first moment is START
(19:00 EDT on Sunday, 2011-05-01). Events of one moment have no order in the trace, and ours is always the same:
- of a task: by the number of the event type, so that a run which ends in the moment it starts took no time;
- of a machine: REMOVE, ADD, UPDATE, so that a machine which is taken out and put back at once was never away.
"""

from collections.abc import Sequence
from functools import reduce
from operator import add

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

CITE = "Google cluster trace 2011 v2 (Google, CC-BY 4.0)"
GENERATED = "On generated usage this says nothing of Google's cluster."

SECOND = 1_000_000
START = 600 * SECOND
AFTER = 2**63 - 1
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
WINDOW = 300 * SECOND
MOST = 1e6  # of an amount: the largest machine is 1, a whole core 1 second a second

SUBMIT, SCHEDULE, EVICT, FAIL, FINISH, KILL, LOST, UPDATE_PENDING, UPDATE_RUNNING = range(9)
ADD, REMOVE, UPDATE = range(3)

# Column by column as in the files; what ends in `!` must not be empty. A TIME of up to 2^64-1 becomes a BIGINT, a FLAG of 0 or 1 a BOOLEAN.
FOLDERS = {
    "machine_events": "time TIME!, machine_id BIGINT!, event_type INT!, platform_id STRING, cpus DOUBLE, memory DOUBLE",
    "job_events": (
        "time TIME!, missing_info INT, job_id BIGINT!, event_type INT!, user STRING, "
        "scheduling_class INT, job_name STRING, logical_job_name STRING"
    ),
    "task_events": (
        "time TIME!, missing_info INT, job_id BIGINT!, task_index BIGINT!, machine_id BIGINT, event_type INT!, user STRING, "
        "scheduling_class INT, priority INT, cpu_request DOUBLE, memory_request DOUBLE, disk_request DOUBLE, different_machines FLAG"
    ),
    "task_usage": (
        "start_time TIME!, end_time TIME!, job_id BIGINT!, task_index BIGINT!, machine_id BIGINT, cpu_rate DOUBLE, "
        "canonical_memory DOUBLE, assigned_memory DOUBLE, unmapped_page_cache DOUBLE, total_page_cache DOUBLE, "
        "max_memory DOUBLE, disk_io_time DOUBLE, local_disk_space DOUBLE, max_cpu_rate DOUBLE, "
        "max_disk_io_time DOUBLE, cpi DOUBLE, mai DOUBLE, sample_portion DOUBLE, aggregation_type FLAG, sampled_cpu DOUBLE"
    ),
}
LAST_TYPE = {"machine_events": UPDATE, "job_events": UPDATE_RUNNING, "task_events": UPDATE_RUNNING}
MACHINE_EVENTS, JOB_EVENTS, TASK_EVENTS, TASK_USAGE = (f"yard.trusted.trace_{folder}" for folder in FOLDERS)


def columns(folder: str) -> dict[str, str]:
    """Name and type of each column of a folder's files."""
    return dict(column.split() for column in FOLDERS[folder].split(", "))


def task_order() -> list[Column]:
    """The whole row decides at last, so that the order of files and lines never does."""
    return [F.col(name) for name in ("time", "event_type", "machine_id", "cpu_request", "memory_request")]


def machine_order() -> list[Column]:
    kind = F.when(F.col("event_type") == REMOVE, -1).otherwise(F.col("event_type"))
    return [F.col("time"), kind, F.col("cpus"), F.col("memory")]


def last_known(column: str, order: Sequence[Column]) -> Column:
    """An aggregate: the last value that is one."""
    return F.max_by(column, F.when(F.col(column).isNotNull(), F.struct(*order)))


def capacities(machine_events: DataFrame) -> DataFrame:
    """One row a machine: its last known CPU capacity, null where none was ever told."""
    known = last_known("cpus", machine_order()).alias("cpus")
    return machine_events.groupBy("machine_id").agg(known).select("machine_id", "cpus")


def times_away(machine_events: DataFrame) -> DataFrame:
    """One row for each time that a machine was taken out and came back: REMOVE to the next ADD, what lies within the trace of it."""
    moves = machine_events.where(F.col("event_type").isin(ADD, REMOVE) & (F.col("time") < AFTER))
    by_machine = Window.partitionBy("machine_id").orderBy(*machine_order())
    ahead = by_machine.rowsBetween(1, Window.unboundedFollowing)
    back = F.min(F.when(F.col("event_type") == ADD, F.col("time"))).over(ahead)
    first = F.coalesce(F.lag("event_type").over(by_machine) != REMOVE, F.lit(True))
    marked = moves.withColumns({"until": back, "first": first}).where((F.col("event_type") == REMOVE) & F.col("first"))
    # greatest() alone would make a START of a null, and a return of what never came back
    until = F.when(F.col("until").isNotNull(), F.greatest("until", F.lit(START)))
    return marked.select("machine_id", F.greatest("time", F.lit(START)).alias("since"), until.alias("until"))


def last_moment(events: DataFrame) -> DataFrame:
    """The end of the trace, as one row: the last event that is not "after" it."""
    return events.where(F.col("time") < AFTER).agg(F.max("time").alias("end"))


def within_day(since: str | int, until: str) -> Column:
    """How much of a time lies in the day `id` of the trace."""
    begin = F.col(since) if isinstance(since, str) else F.lit(since)
    return F.least(F.col(until), (F.col("id") + 1) * DAY) - F.greatest(begin, F.col("id") * DAY)


BINS = [f"{low / 5:.1f} to {(low + 1) / 5:.1f}" for low in range(5)]


def cpu_bin(cpus: Column) -> Column:
    """(0, 0.2] is "0.0 to 0.2", and so on up to 1."""
    number = F.least(F.greatest(F.ceil(F.round(cpus * 5, 9)), F.lit(1)), F.lit(5)).cast("int")
    return F.when(cpus.isNull(), "unknown").otherwise(F.element_at(F.array(*map(F.lit, BINS)), number))


def label(column: Column) -> Column:
    """For axes: a text, also where there is no value."""
    return F.coalesce(column.cast("string"), F.lit("unknown"))


def mean(column: str) -> Column:
    """Of doubles the last digits would hang on the order of rows: what is summed are whole numbers."""
    return mean_of_sums([F.sum(part) for part in parts(column)], F.count(column))


# Of a BIGINT, with amounts up to MOST: 2^33 rows of the largest have room in the first part, 2^39 rows in the others.
UNITS = (10, 35, 60)


def parts(column: str) -> list[Column]:
    """An amount as whole numbers of 2^-10, of 2^-35 and of 2^-60, each the rest that the one before it leaves."""
    found, rest, above = list[Column](), F.col(column), 0
    for unit in UNITS:
        scaled = rest * 2 ** (unit - above)
        whole_part = F.rint(scaled)
        found.append(whole_part.cast("bigint"))
        rest, above = scaled - whole_part, unit
    return found


def mean_of_sums(sums: Sequence[Column], count: Column) -> Column:
    """For who has summed the parts already, group by group."""
    return F.try_divide(reduce(add, (total / 2**unit for total, unit in zip(sums, UNITS, strict=True))), count)


def whole() -> WindowSpec:
    """All rows of a small table as one window."""
    return Window.partitionBy(F.lit(1))
