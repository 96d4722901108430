"""The Google cluster trace 2011 v2 as our jobs know it: its files, its tables, its times, its order of events.

Times are microseconds on the trace's clock, as in its files: 0 is before the trace, AFTER is behind its end, its first moment is START
(19:00 EDT on Sunday, 2011-05-01). Events of one moment have no order in the trace, and ours is always the same:
- of a task: by the number of the event type, so that a run which ends in the moment it starts took no time;
- of a machine: REMOVE, ADD, UPDATE, so that a machine which is taken out and put back at once was never away.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

CITE = "Google cluster trace 2011 v2 (Google, CC-BY 4.0)"
GENERATED = "On generated usage this says nothing of Google's cluster."

SECOND = 1_000_000
START = 600 * SECOND
AFTER = 2**63 - 1
DAY = 86_400 * SECOND
WINDOW = 300 * SECOND

SUBMIT, SCHEDULE, EVICT, FAIL, FINISH, KILL, LOST, UPDATE_PENDING, UPDATE_RUNNING = range(9)
ADD, REMOVE, UPDATE = range(3)

# Column by column as in the files. In tables a TIME is a BIGINT and a FLAG is a BOOLEAN; in files a TIME goes up to 2^64-1 and a FLAG is 0 or 1.
# What ends in `!` must not be empty.
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
        "canonical_memory DOUBLE, assigned_memory DOUBLE, unmapped_page_cache DOUBLE, total_page_cache DOUBLE, max_memory DOUBLE, disk_io_time DOUBLE, "
        "local_disk_space DOUBLE, max_cpu_rate DOUBLE, max_disk_io_time DOUBLE, cpi DOUBLE, mai DOUBLE, sample_portion DOUBLE, "
        "aggregation_type FLAG, sampled_cpu DOUBLE"
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
