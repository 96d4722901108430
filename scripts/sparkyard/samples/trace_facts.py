"""What the trace's generator knows of the real one (trace_facts.json, made by trace_derive.py), and how it deals that out.

Dealing is in proportion, not by dice: n things among kinds of given weights, n values along quantiles. A sample of any size then has the
shape of the real one, although a few jobs hold most of its tasks.
"""

import base64
import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from sparkyard.samples.trace_derive import FACTS

Array = npt.NDArray[Any]
# Numbers below zero and NaN are written as nothing; texts are their numbers in a list.
Columns = dict[str, Array | tuple[Array, list[str]]]
START, SPAN = 600_000_000, 5_011_200_000  # µs: where the trace begins, and what a shard of the real one covers: 29 days / 500
END = START + 500 * SPAN
AFTER = 2**63 - 1
SUBMIT, SCHEDULE, EVICT, FAIL, FINISH, KILL, LOST, UPDATE_PENDING, UPDATE_RUNNING, FINISH_AFTER = range(10)
LOTS = ("requests_of_one", "requests_of_many")
# Shard 0 knows no update, no lost task and no end after the trace; the rest of the trace does. How many in a life of that course:
RARE_LIVES = {"01": {"018": 0.003, "016": 0.0002, "019": 0.0002}, "0": {"07": 0.003}}


@dataclass(frozen=True)
class Kind:
    """Jobs alike: there before the trace or not, of a class, a priority and an outcome."""

    before: bool
    scheduling_class: int
    priority: int
    outcome: str
    sizes: Array  # tasks in a job, number of such jobs
    lives: dict[str, float]  # course of a task, number of such tasks
    requests: dict[str, Array]  # of jobs of one task, and of many: cpu, memory, disk, apart, number of such tasks; the most frequent first


@cache
def load_facts() -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(FACTS.read_text())
    return facts


@cache
def load_kinds() -> list[Kind]:
    return [make_kind(name, facts) for name, facts in load_facts()["kinds"].items()]


def of_kinds(name: str) -> Array:
    return np.array([getattr(kind, name) for kind in load_kinds()])


def make_kind(name: str, facts: dict[str, Any]) -> Kind:
    before, scheduling_class, priority, outcome = name.split()
    requests = {lot: sort_requests(facts.get(lot, [])) for lot in LOTS}
    lives = {expand(life): float(count) for life, count in facts["lives"]}
    for life, shares in RARE_LIVES.items() if outcome == "01" else ():
        lives |= {rare: share * lives.get(life, 0) for rare, share in shares.items()}
    return Kind(before == "1", int(scheduling_class), int(priority), outcome, np.array(facts["sizes"]), lives, requests)


def sort_requests(rows: list[list[float]]) -> Array:
    requests = np.array(rows, dtype=float).reshape(-1, 5)
    return requests[np.argsort(-requests[:, 4], kind="stable")]


def expand(life: str) -> str:
    return re.sub(r"(\d+)\*(\d+) ", lambda found: found[1] * int(found[2]), life)


def make_chance(seed: int, what: str, unit: int = 0) -> np.random.Generator:
    return np.random.default_rng([seed, unit, *what.encode()])


def deal(weights: Array, count: int, chance: np.random.Generator) -> Array:
    """The numbers of the kinds for `count` things, as many of each as its weight asks for, in the order of the kinds."""
    shares = np.cumsum(weights) / np.sum(weights)
    return np.minimum(np.searchsorted(shares, (np.arange(count) + chance.random()) / max(count, 1), side="right"), len(shares) - 1)


def draw(knots: list[float], count: int, chance: np.random.Generator) -> Array:
    """`count` values along quantiles, in their order."""
    places = (np.arange(count) + chance.random(count)) / max(count, 1)
    return np.interp(places, load_facts()["knots"], knots)


def make_hashes(count: int, chance: np.random.Generator) -> list[str]:
    return [base64.b64encode(chance.bytes(32)).decode() for _ in range(count)]
