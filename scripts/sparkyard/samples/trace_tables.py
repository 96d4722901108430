"""A shard's events as the columns of job_events and task_events."""

import numpy as np

from sparkyard.samples.trace_facts import (
    AFTER,
    LOST,
    SCHEDULE,
    SUBMIT,
    UPDATE_RUNNING,
    Array,
    Columns,
    make_chance,
    make_hashes,
    of_kinds,
)
from sparkyard.samples.trace_lives import Events
from sparkyard.samples.trace_machines import Machines
from sparkyard.samples.trace_tasks import LIVES, Tasks

OLD_ID, NEW_ID, UNIT_IDS = 3_418_309, 6_176_858_948, 1_000_000  # 64 bits, as the real ones
USERS = 600
SHARED_NAME = 0.15  # of jobs: named as another
NO_TRANSITION, NO_CREATION = 1, 2  # of missing_info
UNRECORDED = 0.026  # of tasks that wait since before the trace: nothing says how they came
SCHEDULING = 1_500_000  # µs until a job is scheduled of which no task is


def make_job_ids(tasks: Tasks, unit: int) -> Array:
    before = of_kinds("before")[tasks.kind]
    return np.where(before, OLD_ID, NEW_ID + unit * UNIT_IDS) + 5 * np.arange(len(tasks.size))


def make_users(tasks: Tasks, seed: int, chance: np.random.Generator) -> tuple[Array, list[str]]:
    """A few users have most jobs."""
    weights = np.arange(9.0, USERS + 9) ** -1.5
    return chance.choice(USERS, len(tasks.size), p=weights / weights.sum()), make_hashes(USERS, make_chance(seed, "users"))


def make_names(count: int, chance: np.random.Generator) -> tuple[Array, list[str]]:
    numbers = np.where(chance.random(count) < SHARED_NAME, chance.integers(count, size=count), np.arange(count))
    return numbers, make_hashes(count, chance)


def make_task_table(tasks: Tasks, events: Events, ids: Array, users: tuple[Array, list[str]], machines: Machines) -> Columns:
    order = np.argsort(events.time, kind="stable")
    task, event = events.task[order], events.event[order]
    job, number = tasks.job[task], events.machine[order]
    unrecorded = find_unrecorded(tasks)[task]
    factor = np.where(event == UPDATE_RUNNING, 0.5, 1) * np.where(unrecorded, np.nan, 1)
    return {
        "time": events.time[order],
        "missing_info": np.where(event == LOST, NO_TRANSITION, np.where(unrecorded, NO_CREATION, -1)),
        "job_id": ids[job],
        "task_index": tasks.index[task],
        "machine_id": np.where(number < 0, -1, machines.ids[number]),
        "event_type": event,
        "user": (users[0][job], users[1]),
        "scheduling_class": of_kinds("scheduling_class")[tasks.kind][job],
        "priority": of_kinds("priority")[tasks.kind][job],
        "cpu_request": tasks.cpu[task] * factor,
        "memory_request": tasks.memory[task] * factor,
        "disk_request": tasks.disk[task] * factor,
        "different_machines": np.where(unrecorded, -1, tasks.apart[task]),
    }


def find_unrecorded(tasks: Tasks) -> Array:
    before = of_kinds("before")[tasks.kind][tasks.job]
    waiting = before & (tasks.life == LIVES.index("0"))
    unrecorded: Array = waiting & (np.cumsum(waiting) * UNRECORDED % 1 < UNRECORDED)
    return unrecorded


def make_job_table(tasks: Tasks, events: Events, ids: Array, users: tuple[Array, list[str]], chance: np.random.Generator) -> Columns:
    job, event, time = make_job_events(tasks, events)
    order = np.lexsort((event, time))
    job, event = job[order], event[order]
    names, logical = make_names(len(ids), chance), make_names(len(ids), chance)
    return {
        "time": time[order],
        "missing_info": np.full(len(job), -1),
        "job_id": ids[job],
        "event_type": event,
        "user": (users[0][job], users[1]),
        "scheduling_class": of_kinds("scheduling_class")[tasks.kind][job],
        "job_name": (names[0][job], names[1]),
        "logical_job_name": (logical[0][job], logical[1]),
    }


def make_job_events(tasks: Tasks, events: Events) -> tuple[Array, Array, Array]:
    """A job is submitted just before its tasks, scheduled with the first of them, and ends just after the last."""
    count = len(tasks.size)
    first_row = np.searchsorted(tasks.job[events.task], np.arange(count))
    submitted = np.maximum(np.minimum.reduceat(events.time, first_row) - 2, 0)
    scheduled = np.minimum.reduceat(np.where(events.event == SCHEDULE, events.time, AFTER), first_row)
    before = of_kinds("before")[tasks.kind]
    ended = np.maximum.reduceat(np.where(events.time == AFTER, 0, events.time), first_row) + 8
    never = submitted + np.minimum(SCHEDULING, (ended - submitted) // 2)
    scheduled = np.where(before, 0, np.where(scheduled == AFTER, never, scheduled + 1))
    outcome = of_kinds("outcome")[tasks.kind]
    rows = [(np.arange(count), SUBMIT, submitted), (np.flatnonzero(outcome != "0"), SCHEDULE, scheduled)]
    rows += [(np.flatnonzero(outcome == f"01{end}"), end, ended) for end in (3, 4, 5)]
    job = np.concatenate([jobs for jobs, _, _ in rows])
    event = np.concatenate([np.full(len(jobs), event) for jobs, event, _ in rows])
    return job, event, np.concatenate([times[jobs] for jobs, _, times in rows])
