"""A shard's jobs and tasks: how many tasks a job has, which course each takes, what it asks for and where it runs first."""

from dataclasses import dataclass

import numpy as np

from sparkyard.samples.trace_derive import LOOPING
from sparkyard.samples.trace_facts import LOTS, Array, Kind, deal, load_facts, load_kinds, of_kinds
from sparkyard.samples.trace_machines import Machines

NEWCOMERS = 3.14  # times as many as in shard 0 make as many rows
OVERBOOKED = 1.2  # memory, against CPU
LIVES = sorted({life for kind in load_kinds() for life in kind.lives})
LENGTHS = np.array([len(life) for life in LIVES])


@dataclass(frozen=True)
class Tasks:
    """Jobs are numbered in the order of their ids; a job's tasks stand side by side."""

    kind: Array  # of each job
    size: Array  # of each job
    job: Array  # of each task, as all below
    index: Array
    life: Array  # number in LIVES
    cpu: Array
    memory: Array
    disk: Array
    apart: Array
    machine: Array  # number of the machine


def make_tasks(unit: int, share: float, machines: Machines, chance: np.random.Generator) -> Tasks:
    kind, size = make_jobs(unit, share, chance)
    job = np.repeat(np.arange(len(size)), size)
    index = np.arange(len(job)) - np.repeat(np.cumsum(size) - size, size)
    life, requests = np.zeros(len(job), dtype=np.int64), np.zeros((len(job), 4))
    for number, known in enumerate(load_kinds()):
        rows = np.flatnonzero(kind[job] == number)
        numbers, weights = np.array([LIVES.index(life) for life in known.lives]), np.array(list(known.lives.values()))
        life[rows] = numbers[deal(weights, len(rows), chance)]
        for lot, chosen in zip(LOTS, (rows[size[job[rows]] == 1], rows[size[job[rows]] > 1]), strict=True):
            chosen = chosen[np.argsort(-size[job[chosen]], kind="stable")]
            requests[chosen] = make_requests(known, lot, job[chosen], chance)
    requests[LENGTHS[life] > LOOPING] = [*load_facts()["looping"], 0]
    cpu, memory, disk, apart = requests.T
    running = of_kinds("before")[kind][job] & np.array([life[:2] == "01" for life in LIVES])[life]
    machine = place(np.stack([cpu, memory]), apart > 0, running, machines)
    return Tasks(kind, size, job, index, life, cpu, memory, disk, apart > 0, machine)


def make_jobs(unit: int, share: float, chance: np.random.Generator) -> tuple[Array, Array]:
    """Every n-th of the real shard's jobs, ordered by size, so that a small sample has its share of large ones.

    Shard 0 begins with what ran before the trace. The others have but newcomers, and as many tasks as make a file of the same size.
    """
    kinds = load_kinds()
    sizes = [(*row, number) for number, kind in enumerate(kinds) if unit == 0 or not kind.before for row in kind.sizes]
    size, count, kind = np.array(sorted(sizes)).T
    if unit:
        share *= NEWCOMERS
    size, kind = np.repeat(size, count), np.repeat(kind, count)
    parts = np.ceil(size / max(100, size.max() * min(share, 1))).astype(np.int64)  # no giant in a small sample: it would be all there is
    size, kind = np.repeat(size // parts, parts), np.repeat(kind, parts)
    wanted = max(1, round(len(size) * share))
    picks = chance.permutation(((np.arange(wanted) + chance.random()) * len(size) / wanted).astype(np.int64))
    return kind[picks], size[picks]


def make_requests(kind: Kind, lot: str, job: Array, chance: np.random.Generator) -> Array:
    """For tasks in the order of their jobs' sizes: the largest jobs ask for what most tasks ask for."""
    named = kind.requests[lot]
    of_lot = (kind.sizes[:, 0] == 1) == (lot == LOTS[0])
    others = np.sum(np.prod(kind.sizes[of_lot], axis=1)) - named[:, 4].sum()
    chosen = deal(np.append(named[:, 4], max(others, 1)), len(job), chance)
    requests = np.vstack([named[:, :4], np.zeros(4)])[chosen]
    is_rare = chosen == len(named)
    requests[is_rare] = make_rare_requests(lot, job[is_rare], chance)
    return requests


def make_rare_requests(lot: str, job: Array, chance: np.random.Generator) -> Array:
    """The same for all tasks of a job."""
    jobs, number = np.unique(job, return_inverse=True)
    picks = [np.searchsorted(load_facts()["knots"], chance.random(len(jobs)), side="right") - 1 for _ in range(3)]
    columns = [np.array(knots)[pick][number] for knots, pick in zip(load_facts()["rare"][lot].values(), picks, strict=True)]
    return np.column_stack([*columns, np.zeros(len(job))])


def place(request: Array, apart: Array, running: Array, machines: Machines) -> Array:
    """What ran before the trace was placed with care, newcomers go to the next machine; tasks that shall be apart hardly ever meet."""
    machine, load = np.zeros(len(apart), dtype=np.int64), np.zeros((2, len(machines.ids)))
    for deck, alike, part in ((machines.once, apart, 1), (machines.deck, ~apart, 4)):
        fill(machine, load, np.flatnonzero(alike & running), request, len(machines.ids) // part, machines)
        rows = np.flatnonzero(alike & ~running)
        machine[rows] = deck[np.arange(len(rows)) % len(deck)]
    return machine


def fill(machine: Array, load: Array, rows: Array, request: Array, at_once: int, machines: Machines) -> None:
    """As a scheduler does it: the largest requests first, to the machines that have most room left."""
    rows = rows[np.argsort(-request[0][rows] - request[1][rows], kind="stable")]
    for start in range(0, len(rows), at_once):
        part = rows[start : start + at_once]
        machine[part] = np.argsort(np.max(load / [machines.cpu, OVERBOOKED * machines.memory], axis=0), kind="stable")[: len(part)]
        load[:, machine[part]] += request[:, part]
