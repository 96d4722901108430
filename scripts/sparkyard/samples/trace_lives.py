"""When what happens to a shard's tasks: the rows of task_events and job_events."""

from dataclasses import dataclass

import numpy as np

from sparkyard.samples.trace_derive import LOOPING
from sparkyard.samples.trace_facts import (
    AFTER,
    FINISH,
    FINISH_AFTER,
    KILL,
    LOST,
    SCHEDULE,
    SPAN,
    START,
    SUBMIT,
    UPDATE_PENDING,
    UPDATE_RUNNING,
    Array,
    draw,
    load_facts,
    of_kinds,
)
from sparkyard.samples.trace_machines import Machines
from sparkyard.samples.trace_tasks import LENGTHS, LIVES, Tasks

LOOPS = 2  # their lot; 0 is a job's only task, 1 one of several
OUTCOMES = ["0", "01", "013", "014", "015"]  # of jobs, in order
LIKE = {LOST: KILL, UPDATE_PENDING: KILL, UPDATE_RUNNING: FINISH, FINISH_AFTER: FINISH}  # the time they take is taken from these
PACE = 20  # µs between the submissions of a job's tasks
KNOWN_MACHINE = 0.6  # of jobs from before the trace: those whose submissions say where the task runs
MOMENT = 1_000_000  # µs; a shorter gap is one
TAIL = 2_000_000  # µs that a shard keeps for what follows a task's end
STARTS = np.cumsum(LENGTHS) - LENGTHS
STEPS = np.array([int(step) for step in "".join(LIVES)], dtype=np.int64)


@dataclass(frozen=True)
class Events:
    """Those of a task side by side, in their order."""

    task: Array
    event: Array
    time: Array
    machine: Array  # number of the machine, -1 for none


def make_events(tasks: Tasks, unit: int, machines: Machines, chance: np.random.Generator) -> Events:
    length = LENGTHS[tasks.life]
    task = np.repeat(np.arange(len(length)), length)
    first = np.cumsum(length) - length
    event = STEPS[np.arange(len(task)) - first[task] + STARTS[tasks.life][task]]
    since = make_since(tasks, task, event, first, chance)
    time = make_times(tasks, task, since, first, unit, chance)
    time[event == FINISH_AFTER] = AFTER
    machine = make_places(tasks, task, event, time, machines, chance)
    return Events(task, np.where(event == FINISH_AFTER, FINISH, event), time, machine)


def make_since(tasks: Tasks, task: Array, event: Array, first: Array, chance: np.random.Generator) -> Array:
    """µs since the task's first event, or the trace began. Gaps are dealt by what goes before and after; a job's tasks get like ones."""
    kind = tasks.kind[tasks.job][task]
    was, position = np.append(0, event[:-1]), np.arange(len(task)) - first[task]
    before, outcome = of_kinds("before")[kind], np.searchsorted(OUTCOMES, of_kinds("outcome"))[kind]
    lot = np.where(is_looping(tasks)[task], LOOPS, tasks.size[tasks.job[task]] > 1)
    rank = make_ranks(tasks, task, position, chance)
    gap, fixed = np.zeros(len(task), dtype=np.int64), np.zeros(len(task), dtype=bool)
    for is_first in (True, False):
        rows = np.flatnonzero(position == 1 if is_first else position > 1)
        rows = rows[np.argsort(rank[rows], kind="stable")]
        from_zero = before[rows] & (is_first | ((position[rows] == 2) & (gap[rows - 1] == 0)))
        fill_gaps(gap, rows, (from_zero, lot[rows], outcome[rows], was[rows], event[rows]), chance)
        gap[rows] = np.where(from_zero & (gap[rows] > 0), np.maximum(gap[rows] - START, 1), gap[rows])
        fixed[rows] = from_zero
    return shorten(gap, fixed, task, first)


def make_ranks(tasks: Tasks, task: Array, position: Array, chance: np.random.Generator) -> Array:
    """By which gaps are dealt, the shortest first: of loops the longest lives, else job for job, the first gap less strictly."""
    of_job = chance.random((len(tasks.size), LOOPING))[tasks.job[task], np.minimum(position, LOOPING - 1)]
    own = chance.random(len(task))
    ranks: Array = np.where(is_looping(tasks)[task], own - LENGTHS[tasks.life[task]], of_job + (position == 1) * own)
    return ranks


def is_looping(tasks: Tasks) -> Array:
    return LENGTHS[tasks.life] > LOOPING


def fill_gaps(gap: Array, rows: Array, by: tuple[Array, ...], chance: np.random.Generator) -> None:
    shape = (2, 3, len(OUTCOMES), 10, 10)
    kind = np.ravel_multi_index(tuple(values.astype(np.int64) for values in by), shape)
    for number in np.unique(kind):
        chosen = rows[kind == number]
        gap[chosen] = np.rint(draw(find_knots(*map(int, np.unravel_index(number, shape))), len(chosen), chance) * 1e6)


def find_knots(from_zero: int, lot: int, outcome: int, was: int, event: int) -> list[float]:
    steps = f"{was} {LIKE.get(event, event)}"
    names = [f"{from_zero} {lot} {OUTCOMES[outcome]} {steps}", f"{from_zero} ~ {steps}", f"{from_zero} * {steps}", f"0 * {steps}"]
    gaps: dict[str, list[float]] = load_facts()["gaps"]
    return next(gaps[name] for name in names if name in gaps)


def shorten(gap: Array, fixed: Array, task: Array, first: Array) -> Array:
    """What would not come to its end in the shard goes faster, but for what takes no time and what began before."""
    whole = np.add.reduceat(gap, first)
    flexible = ~fixed & (gap > MOMENT)
    lengths = np.maximum(np.add.reduceat(np.where(flexible, gap, 0), first), 1)
    factor = np.clip((SPAN - TAIL - (whole - lengths)) / lengths, 0, 1)[task]
    total = np.cumsum(np.where(flexible, np.floor(gap * factor), gap).astype(np.int64))
    return total - total[first][task]


def make_times(tasks: Tasks, task: Array, since: Array, first: Array, unit: int, chance: np.random.Generator) -> Array:
    """Jobs begin at any time at which they can still come to their end; what was there before the trace begins at 0."""
    before = of_kinds("before")[tasks.kind]
    longest = np.maximum.reduceat(np.maximum.reduceat(since, first), np.cumsum(tasks.size) - tasks.size)
    wait = (chance.random(len(longest)) * (SPAN - TAIL - longest)).astype(np.int64) + PACE
    begin = START + unit * SPAN + np.where(before, 0, wait)[tasks.job] + np.where(before[tasks.job], 0, tasks.index * PACE)
    return np.where(before[tasks.job][task] & (since == 0), 0, begin[task] + since)


def make_places(tasks: Tasks, task: Array, event: Array, time: Array, machines: Machines, chance: np.random.Generator) -> Array:
    """A task that is tried again runs anywhere; one that waits is nowhere, unless it was there before the trace."""
    row = np.arange(len(task))
    scheduled = np.maximum.accumulate(np.where(event == SCHEDULE, row, -1))
    submitted = np.maximum.accumulate(np.where(event == SUBMIT, row, -1))
    is_again = np.append([False, False], task[2:] == task[:-2])[: len(row)]
    chosen = np.where(is_again, machines.deck[chance.integers(len(machines.deck), size=len(row))], tasks.machine[task])
    machine = np.where(scheduled > submitted, chosen[scheduled], tasks.machine[task])
    is_known = (time == 0) & (chance.random(len(tasks.size)) < KNOWN_MACHINE)[tasks.job[task]]
    nowhere = (
        ((event == SUBMIT) & ~is_known)
        | (event == UPDATE_PENDING)
        | ((event == KILL) & (is_looping(tasks)[task] | (scheduled < submitted)))
    )
    return np.where(nowhere, -1, machine)
