"""The trace's machines: 12,583, their capacities, and when they are added, taken away and updated over 29 days.

Below scale 1 there are fewer, in proportion, so that each has as much to do as a real one.
"""

from dataclasses import dataclass

import numpy as np

from sparkyard.samples.trace_facts import END, START, Array, Columns, deal, draw, load_facts, make_chance, make_hashes

MACHINES = 12_583
UNKNOWN = 32 / MACHINES  # these are added without a capacity; an update may tell it later
RESIZED = 0.001  # the first update of these doubles their memory
ADD, REMOVE, UPDATE = range(3)


@dataclass(frozen=True)
class Machines:
    ids: Array
    cpu: Array
    memory: Array
    deck: Array  # numbers of machines in random order, one with four times the CPU four times
    once: Array  # the same, each once


def make_machines(seed: int, scale: float) -> Machines:
    chance = make_chance(seed, "machines")
    count = max(4, round(MACHINES * min(1.0, scale)))
    atoms = np.array(load_facts()["machines"]["capacities"], dtype=float)
    atoms = atoms[~np.isnan(atoms[:, 0])]
    cpu, memory, _ = chance.permutation(atoms[deal(atoms[:, 2], MACHINES, chance)])[:count].T
    ids = (np.arange(1, count + 1) * 2_654_435_761) % 4_294_967_291  # a prime: no id comes twice
    rounds = [chance.permutation(np.flatnonzero(cpu >= least)) for least in (0, 0.5, 1, 1)]
    return Machines(ids, cpu, memory, np.concatenate(rounds), rounds[0])


def make_machine_events(machines: Machines, seed: int) -> Columns:
    chance = make_chance(seed, "machine events")
    machine, kind, time = make_steps(len(machines.ids), chance)
    order = np.argsort(time, kind="stable")
    machine, kind, time = machine[order], kind[order], time[order]
    cpu, memory = make_known(machines, machine, kind, chance)
    platform = np.where(machines.cpu < 0.5, 0, np.where(machines.cpu < 1, 1, 2))[machine]
    hashes = make_hashes(4, chance)
    platform = np.where(np.isnan(cpu), 3, platform)
    return {
        "time": time,
        "machine_id": machines.ids[machine],
        "event_type": kind,
        "platform_id": (platform, hashes),
        "cpus": cpu,
        "memory": memory,
    }


def make_steps(count: int, chance: np.random.Generator) -> tuple[Array, Array, Array]:
    """Machine, kind and time of each event, those of a machine in their order."""
    facts = load_facts()["machines"]
    changes = np.array(facts["changes"])
    removes, updates, _ = chance.permutation(changes[deal(changes[:, 2], MACHINES, chance)])[:count].T
    machine, is_remove = make_changes(removes, updates, chance)
    away = np.where(is_remove, make_gaps(removes[machine], chance), 0)
    added = np.where(chance.random(count) < facts["late"], chance.random(count) * 0.9 * (END - START) + START, 0)
    removed = place(machine, away, added, chance)
    lasting = ~is_gone(machine, is_remove, facts["gone"], count, chance)
    numbers = np.concatenate([np.arange(count), machine, machine[is_remove & lasting]])
    kinds = np.repeat([ADD, -1, ADD], [count, len(machine), int(np.sum(is_remove & lasting))])
    kinds[kinds < 0] = np.where(is_remove, REMOVE, UPDATE)
    times = np.concatenate([added, removed, (removed + away)[is_remove & lasting]]).astype(np.int64)
    order = np.lexsort((times, numbers))
    return numbers[order], kinds[order], times[order]


def make_changes(removes: Array, updates: Array, chance: np.random.Generator) -> tuple[Array, Array]:
    """A row for each removal and update, those of a machine side by side in random order."""
    machine = np.repeat(np.arange(len(removes)), removes + updates)
    first = np.cumsum(removes + updates) - (removes + updates)
    is_remove = np.arange(len(machine)) - first[machine] < removes[machine]
    return machine, is_remove[np.lexsort((chance.random(len(machine)), machine))]


def make_gaps(removes: Array, chance: np.random.Generator) -> Array:
    """How long a machine stays away, in µs; one that is taken away often, comes back sooner."""
    gaps, least = np.zeros(len(removes)), 0
    for most, knots in load_facts()["machines"]["away"]:
        rows = np.flatnonzero((removes > least) & (removes <= most))
        gaps[rows] = chance.permutation(draw(knots, len(rows), chance)) * 1e6
        least = most
    return gaps


def place(machine: Array, away: Array, added: Array, chance: np.random.Generator) -> Array:
    """Times of changes: any, as long as no machine is taken away while it is away."""
    lost = np.bincount(machine, away, minlength=len(added))
    begins = np.maximum(added, START)
    present = np.maximum(END - begins - lost, 0)[machine]
    moments = chance.random(len(machine)) * present
    moments = moments[np.lexsort((moments, machine))]
    earlier = np.cumsum(away) - away
    first = np.searchsorted(machine, machine)
    return begins[machine] + moments + earlier - earlier[first] if len(machine) else moments


def is_gone(machine: Array, is_remove: Array, share: float, count: int, chance: np.random.Generator) -> Array:
    """Whether it is a machine's last change, a removal, and for good."""
    is_last = np.append(machine[1:] != machine[:-1], True)[: len(machine)]
    return is_last & is_remove & (chance.random(count) < share)[machine]


def make_known(machines: Machines, machine: Array, kind: Array, chance: np.random.Generator) -> tuple[Array, Array]:
    first_update = np.full(len(machines.ids), len(machine))
    rows = np.flatnonzero(kind == UPDATE)[::-1]
    first_update[machine[rows]] = rows
    is_told = np.arange(len(machine)) >= first_update[machine]
    dice = chance.random(len(machines.ids))[machine]
    is_unknown = (dice < UNKNOWN) & ~is_told
    is_small = (dice > 1 - RESIZED) & ~is_told & (first_update[machine] < len(machine))
    cpu = np.where(is_unknown, np.nan, machines.cpu[machine])
    return cpu, np.where(is_unknown, np.nan, np.where(is_small, machines.memory[machine] / 2, machines.memory[machine]))
