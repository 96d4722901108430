"""task_usage: what running tasks use, in windows of five minutes. The real table is not known here: this one is plausible and no more.

One task in five is looked at. Those that run since before the trace and do not end in shard 0 are in every shard. A task uses a part of
what it asks for, more in the afternoon of the trace's place than at night, and sometimes bursts past it.
"""

from dataclasses import dataclass

import numpy as np

from sparkyard.samples.trace_facts import AFTER, SCHEDULE, SPAN, START, UPDATE_RUNNING, Array, Columns
from sparkyard.samples.trace_lives import Events
from sparkyard.samples.trace_machines import Machines
from sparkyard.samples.trace_tasks import Tasks

SHARE = 0.2
WINDOW = 300_000_000
PEAK_HOUR, WAVE = 15, 0.3
BURSTS, BURST = 0.01, 3.0
UNKNOWN = 0.08  # windows without cpi and mai


@dataclass(frozen=True)
class Runs:
    """A row for each time that a task is on a machine, with what asks for how much and what part of it it uses on the whole."""

    job: Array  # ids
    index: Array
    machine: Array  # ids
    cpu: Array
    memory: Array
    begin: Array
    end: Array
    lasts: Array  # whether it goes on after the shard

    def pick(self, rows: Array) -> "Runs":
        return Runs(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def make_runs(tasks: Tasks, events: Events, ids: Array, unit: int, machines: Machines, chance: np.random.Generator) -> Runs:
    looked_at = chance.random(len(tasks.job)) < SHARE
    rows = np.flatnonzero((events.event == SCHEDULE) & looked_at[events.task])
    task, begin, end = events.task[rows], START + unit * SPAN, START + (unit + 1) * SPAN
    after = np.minimum(rows + 1, len(events.task) - 1)
    lasts = (events.task[after] != task) | (after == rows) | (events.event[after] == UPDATE_RUNNING) | (events.time[after] == AFTER)
    ended = np.where(lasts, end, events.time[after])
    machine = machines.ids[events.machine[rows]]
    begun = np.maximum(events.time[rows], begin)
    return Runs(ids[tasks.job[task]], tasks.index[task], machine, tasks.cpu[task], tasks.memory[task], begun, ended, lasts)


def make_residents(runs: Runs) -> Runs:
    """Of the runs of shard 0: those that go on in all that follow."""
    return runs.pick(np.flatnonzero((runs.begin == START) & runs.lasts))


def prolong(residents: Runs, unit: int) -> Runs:
    begin, end = np.full(len(residents.job), START + unit * SPAN), np.full(len(residents.job), START + (unit + 1) * SPAN)
    return Runs(**{**vars(residents), "begin": begin, "end": end})


def join(one: Runs, other: Runs) -> Runs:
    return Runs(*(np.concatenate([getattr(one, name), getattr(other, name)]) for name in one.__dataclass_fields__))


def make_usage_table(runs: Runs, chance: np.random.Generator) -> Columns:
    run, begin, end = make_windows(runs)
    noise = chance.lognormal(0, 0.2, (3, len(run)))
    habit = make_habits(runs)
    cpu = runs.cpu[run] * habit[0][run] * make_wave(begin) * noise[0]
    cpu = np.minimum(np.where(chance.random(len(run)) < BURSTS, cpu * BURST, cpu), 1)
    memory = np.minimum(runs.memory[run] * habit[1][run] * noise[1] ** 0.3, 1)
    disk = cpu * noise[2] * 0.01
    is_unknown = chance.random(len(run)) < UNKNOWN
    return {
        "start_time": begin,
        "end_time": end,
        "job_id": runs.job[run],
        "task_index": runs.index[run],
        "machine_id": runs.machine[run],
        "cpu_rate": shorten(cpu),
        "canonical_memory_usage": shorten(memory),
        "assigned_memory_usage": shorten(runs.memory[run] * np.maximum(1, habit[1][run])),
        "unmapped_page_cache": shorten(memory * 0.05 * noise[0]),
        "total_page_cache": shorten(memory * 0.1 * noise[0]),
        "maximum_memory_usage": shorten(np.minimum(memory * (1 + 0.1 * noise[2]), 1)),
        "disk_io_time": shorten(disk),
        "local_disk_space_usage": shorten(runs.memory[run] * 0.01 * noise[2]),
        "maximum_cpu_rate": shorten(cpu * (1 + noise[1])),
        "maximum_disk_io_time": shorten(disk * (1 + noise[0])),
        "cycles_per_instruction": np.where(is_unknown, np.nan, shorten(1 + noise[0] * noise[1])),
        "memory_accesses_per_instruction": np.where(is_unknown, np.nan, shorten(0.005 * noise[2] * noise[1])),
        "sample_portion": shorten(np.minimum(1, noise[1])),
        "aggregation_type": (noise[2] > 1.2).astype(np.int64),
        "sampled_cpu_usage": shorten(cpu * noise[2]),
    }


def make_windows(runs: Runs) -> tuple[Array, Array, Array]:
    """Windows stand on the grid of five minutes; the first and the last of a run are as long as it was in them."""
    first, last = (runs.begin - START) // WINDOW, (runs.end - 1 - START) // WINDOW
    count = np.maximum(last - first + 1, 0)
    run = np.repeat(np.arange(len(count)), count)
    number = np.arange(len(run)) - np.repeat(np.cumsum(count) - count, count) + first[run]
    begin = np.maximum(START + number * WINDOW, runs.begin[run])
    end = np.minimum(START + (number + 1) * WINDOW, runs.end[run])
    order = np.lexsort((run, begin))
    return run[order], begin[order], end[order]


def make_habits(runs: Runs) -> Array:
    """What parts of CPU and memory a task uses on the whole: its own, the same in every shard."""
    mixed = (runs.job * 1_000_003 + runs.index * 7_919).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    uniform = np.stack([mixed >> np.uint64(40), (mixed >> np.uint64(16)) & np.uint64(0xFFFFFF)]) / 2**24
    return np.stack([0.05 + 0.9 * uniform[0] ** 2, 0.2 + 0.75 * uniform[1]])


def make_wave(time: Array) -> Array:
    """The trace begins at 19:00 of its place."""
    hour = ((time - START) / 3.6e9 + 19) % 24
    return 1 + WAVE * np.cos((hour - PEAK_HOUR) / 24 * 2 * np.pi)


def shorten(values: Array) -> Array:
    return np.round(values, 5)
