"""When what happens to a shard's tasks: the rows of task_events and job_events."""

from dataclasses import dataclass

import numpy as np

from sparkyard.samples.trace_facts import (
    AFTER,
    EVICT,
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
    load_kinds,
)
from sparkyard.samples.trace_machines import Machines
from sparkyard.samples.trace_tasks import LIVES, Tasks

LOOPING = 12  # events; a longer life is one of a task that was tried again and again
OUTCOMES = ["0", "01", "013", "014", "015"]
LIKE = {LOST: KILL, UPDATE_PENDING: KILL, UPDATE_RUNNING: FINISH, FINISH_AFTER: FINISH}  # the time they take is taken from these
PACE = 20  # µs between the submissions of a job's tasks
KNOWN_MACHINE = 0.6  # of jobs from before the trace: those whose submissions say where the task runs
TAIL = 2_000_000  # µs that a shard keeps for what follows a task's end
LENGTHS = np.array([len(life) for life in LIVES])
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
    time = make_times(tasks, task, since, unit, chance)
    time[event == FINISH_AFTER] = AFTER
    machine = make_places(tasks, task, event, time, machines, chance)
    return Events(task, np.where(event == FINISH_AFTER, FINISH, event), time, machine)


def make_since(tasks: Tasks, task: Array, event: Array, first: Array, chance: np.random.Generator) -> Array:
    """µs since the task's first event. Gaps are dealt by what goes before and after, and tasks of a job get like ones."""
    kinds, kind = load_kinds(), tasks.kind[tasks.job][task]
    was, position = np.append(0, event[:-1]), np.arange(len(task)) - first[task]
    before = np.array([known.before for known in kinds])[kind]
    outcome = np.array([OUTCOMES.index(known.outcome) for known in kinds])[kind]
    looping = LENGTHS[tasks.life[task]] > LOOPING
    rank = np.where(looping, chance.random(len(task)), chance.random(len(tasks.size))[tasks.job[task]])
    gap = np.zeros(len(task), dtype=np.int64)
    for is_first in (True, False):
        rows = np.flatnonzero(position == 1 if is_first else position > 1)
        rows = rows[np.argsort(rank[rows], kind="stable")]
        from_zero = before[rows] & (is_first | ((position[rows] == 2) & (gap[rows - 1] == 0)))
        fill_gaps(gap, rows, (from_zero, looping[rows], outcome[rows], was[rows], event[rows]), chance)
    total = np.cumsum(gap)
    return total - total[first][task]


def fill_gaps(gap: Array, rows: Array, by: tuple[Array, ...], chance: np.random.Generator) -> None:
    shape = (2, 2, len(OUTCOMES), 10, 10)
    kind = np.ravel_multi_index(tuple(values.astype(np.int64) for values in by), shape)
    for number in np.unique(kind):
        chosen = rows[kind == number]
        gap[chosen] = np.rint(draw(find_knots(*map(int, np.unravel_index(number, shape))), len(chosen), chance) * 1e6)


def find_knots(from_zero: int, looping: int, outcome: int, was: int, event: int) -> list[float]:
    steps = f"{was} {LIKE.get(event, event)}"
    names = [f"{from_zero} {looping} {OUTCOMES[outcome]} {steps}", f"{from_zero} * * {steps}", f"0 * * {steps}"]
    gaps: dict[str, list[float]] = load_facts()["gaps"]
    return next(gaps[name] for name in names if name in gaps)


def make_times(tasks: Tasks, task: Array, since: Array, unit: int, chance: np.random.Generator) -> Array:
    """Jobs begin at any time at which they can still come to their end; what was there before the trace begins at 0."""
    last = np.flatnonzero(np.append(task[1:] != task[:-1], True))
    before = np.array([known.before for known in load_kinds()])[tasks.kind]
    room = np.where(before[tasks.job], START + SPAN, SPAN)[task] - TAIL
    whole = since[last][task]
    late = np.where(before[tasks.job][task], START, 0)
    since = np.where((whole > room) & (since > late), late + (since - late) * ((room - late) / np.maximum(whole - late, 1)), since).astype(np.int64)
    longest = np.maximum.reduceat(since[last], np.cumsum(tasks.size) - tasks.size)
    begin = START + unit * SPAN + (chance.random(len(longest)) * np.maximum(SPAN - TAIL - longest, 0)).astype(np.int64)
    submitted = np.where(before[tasks.job], 0, begin[tasks.job] + tasks.index * PACE)
    return submitted[task] + since


def make_places(tasks: Tasks, task: Array, event: Array, time: Array, machines: Machines, chance: np.random.Generator) -> Array:
    """A task that is tried again runs anywhere; one that waits is nowhere, unless it was there before the trace."""
    row = np.arange(len(task))
    scheduled = np.maximum.accumulate(np.where(event == SCHEDULE, row, -1))
    submitted = np.maximum.accumulate(np.where(event == SUBMIT, row, -1))
    is_again = np.append([False, False], task[2:] == task[:-2])[: len(row)]
    chosen = np.where(is_again, machines.deck[chance.integers(len(machines.deck), size=len(row))], tasks.machine[task])
    machine = np.where(scheduled > submitted, chosen[scheduled], tasks.machine[task])
    is_known = (time == 0) & (chance.random(len(tasks.size)) < KNOWN_MACHINE)[tasks.job[task]]
    looping = LENGTHS[tasks.life[task]] > LOOPING
    nowhere = ((event == SUBMIT) & ~is_known) | (event == UPDATE_PENDING) | ((event == KILL) & (looping | (scheduled < submitted)))
    return np.where(nowhere, -1, machine)
