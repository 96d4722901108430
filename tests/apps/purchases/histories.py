"""Random edit histories of many keys at once: what each list says on each day. A key is edited, edited back, goes, comes back."""

import random
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

FIRST = date(2024, 2, 25)
KEYS = {"products": 40, "users": 40, "purchases": 80}
Snapshot = dict[str, dict[int, tuple[str, ...]]]  # list: key: the other fields, as they are written


def make_snapshots(seed: int, days: Iterable[date]) -> dict[date, Snapshot]:
    """Each key moves at random between being gone and three states, some seldom, some daily."""
    chance = random.Random(f"histories {seed}")
    lives = {name: [Life(chance, name, key) for key in range(1, count + 1)] for name, count in KEYS.items()}
    return {day: {name: {life.key: row for life in of if (row := life.on(day))} for name, of in lives.items()} for day in days}


class Life:
    def __init__(self, chance: random.Random, name: str, key: int) -> None:
        self.chance, self.key, self.born = chance, key, FIRST + timedelta(chance.choice([-40, -8, -1, 0, 0, 3]))
        self.restless = chance.choice([0.05, 0.3, 0.9])
        self.states = [None, *(MAKERS[name](chance, self.born, key) for _ in range(3))]
        self.state = chance.choice(self.states)

    def on(self, day: date) -> tuple[str, ...] | None:
        if self.chance.random() < self.restless:
            self.state = self.chance.choice(self.states)
        return self.state if day >= self.born else None


def make_product(chance: random.Random, _: date, __: int) -> tuple[str, ...]:
    return (chance.choice(["Mug", "Mug, large", 'Mug "deep"']), chance.choice(["kitchen", "garden"]), price(chance))


def make_user(chance: random.Random, _: date, key: int) -> tuple[str, ...]:
    return (f"Pat {key}", chance.choice(["Hobart", "Perth", "São Tomé"]))


def make_purchase(chance: random.Random, born: date, key: int) -> tuple[str, ...]:
    """Some are of products and users that no snapshot has."""
    at = datetime.combine(born, datetime.min.time()) + timedelta(seconds=86_399 if key % 2 else 0)
    status = chance.choice(["paid", "paid", "returned", "cancelled"])
    who, what = str(1 + key % 45), str(1 + key * 7 % 45)
    return (f"{at:%Y-%m-%dT%H:%M:%SZ}", who, what, chance.choice(["1", "3"]), price(chance), status)


def price(chance: random.Random) -> str:
    return chance.choice(["9.90", "10", "1234567890.12", "0.05"])


MAKERS: Mapping[str, Any] = {"products": make_product, "users": make_user, "purchases": make_purchase}


def put(raw: Path, day: date, snapshot: Snapshot) -> None:
    import purchasekit

    for kind in purchasekit.LISTS:
        lines = [",".join([str(key), *map(quoted, row)]) for key, row in snapshot[kind.name].items()]
        put_lines(raw, f"{day}/{kind.name}.csv", kind.header, *lines)


def put_lines(raw: Path, name: str, *lines: str) -> None:
    """What is there already keeps its time of change."""
    text = "\n".join([*lines, ""])
    (raw / name).parent.mkdir(parents=True, exist_ok=True)
    if not (raw / name).exists() or (raw / name).read_text() != text:
        (raw / name).write_text(text)


def quoted(text: str) -> str:
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if "," in text or '"' in text else text
