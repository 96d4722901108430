"""A shard's jobs and tasks: how many tasks a job has, which course each takes, what it asks for and where it runs first."""

from dataclasses import dataclass

import numpy as np

from sparkyard.samples.trace_facts import Array, Kind, deal, load_facts, load_kinds
from sparkyard.samples.trace_machines import Machines

TASKS, NEW_TASKS = 190_926, 46_587  # in the real shard 0: all, and those that came while it lasted
RARE = 4.0e-4  # disk of a request that few make


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


LIVES = sorted({life for kind in load_kinds() for life in kind.lives})


def make_tasks(unit: int, share: float, machines: Machines, chance: np.random.Generator) -> Tasks:
    kind, size = make_jobs(unit, share, chance)
    job = np.repeat(np.arange(len(size)), size)
    index = np.arange(len(job)) - np.repeat(np.cumsum(size) - size, size)
    life, requests = np.zeros(len(job), dtype=np.int64), np.zeros((len(job), 4))
    for number, known in enumerate(load_kinds()):
        rows = np.flatnonzero(kind[job] == number)
        life[rows] = np.array([LIVES.index(life) for life in known.lives])[deal(np.array(list(known.lives.values())), len(rows), chance)]
        rows = rows[np.argsort(-size[job[rows]], kind="stable")]
        requests[rows] = make_requests(known, job[rows], chance)
    cpu, memory, disk, apart = requests.T
    return Tasks(kind, size, job, index, life, cpu, memory, disk, apart > 0, place(cpu, apart > 0, machines))


def make_jobs(unit: int, share: float, chance: np.random.Generator) -> tuple[Array, Array]:
    """Every n-th of the real shard's jobs, ordered by size, so that a small sample has its share of large ones.

    Shard 0 begins with what ran before the trace. The others have but newcomers, and as many tasks as make a file of the same size.
    """
    kinds = load_kinds()
    sizes = [(*row, number) for number, kind in enumerate(kinds) if unit == 0 or not kind.before for row in kind.sizes]
    size, count, kind = np.array(sorted(sizes)).T
    if unit:
        share *= TASKS / NEW_TASKS * 0.64  # they live shorter, with more events each
    size, kind = np.repeat(size, count), np.repeat(kind, count)
    parts = np.ceil(size / max(100, size.max() * min(share, 1))).astype(np.int64)  # no giant in a small sample: it would be all there is
    size, kind = np.repeat(size // parts, parts), np.repeat(kind, parts)
    wanted = max(1, round(len(size) * share))
    picks = chance.permutation(((np.arange(wanted) + chance.random()) * len(size) / wanted).astype(np.int64))
    return kind[picks], size[picks]


def make_requests(kind: Kind, job: Array, chance: np.random.Generator) -> Array:
    """For tasks in the order of their jobs' sizes: the largest jobs ask for what most tasks ask for."""
    named = kind.requests[:, 4].sum()
    weights = np.append(kind.requests[:, 4], max(0.0, sum(kind.lives.values()) - named))
    chosen = deal(weights, len(job), chance)
    requests = np.vstack([kind.requests[:, :4], np.zeros(4)])[chosen]
    is_rare = chosen == len(kind.requests)
    requests[is_rare] = make_rare_requests(job[is_rare], chance)
    return requests


def make_rare_requests(job: Array, chance: np.random.Generator) -> Array:
    """The same for all tasks of a job."""
    rare = load_facts()["rare_requests"]
    places = chance.random(job.max() + 1 if len(job) else 0)[job]
    columns = [np.array(rare[name])[(shift(places, by) * 65).astype(np.int64)] for name, by in (("cpu", 0), ("memory", 0.37), ("disk", 0.71))]
    return np.column_stack([*columns, np.zeros(len(job))])


def shift(places: Array, by: float) -> Array:
    return (places * 7919 + by) % 1 if by else places


def place(cpu: Array, apart: Array, machines: Machines) -> Array:
    """As a scheduler does it: the largest requests first, each to the next machine; tasks that shall not share one go round all of them."""
    machine = np.zeros(len(cpu), dtype=np.int64)
    for deck, rows in ((machines.once, np.flatnonzero(apart)), (machines.deck, np.flatnonzero(~apart))):
        rows = rows[np.argsort(-cpu[rows], kind="stable")]
        machine[rows] = deck[np.arange(len(rows)) % len(deck)]
    return machine
