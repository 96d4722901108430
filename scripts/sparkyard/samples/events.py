"""Open and close events as doors send them: 100,000 a scale unit, over two days, in hourly batches that arrive in any order.

Every opening is followed by a closing some time later. Unit k depends on the seed and on k only and is a file of its own, so a larger
scale adds files and leaves the others as they are.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

START = datetime(2016, 7, 26, 2, 45, tzinfo=UTC)
SPAN = timedelta(days=2)
PAIRS = 50_000  # openings in a unit, each with its closing
BATCH = 2_000
HEADER = "time,action"


def make_files(scale: float, seed: int = 0, broken: float = 0.0) -> Iterator[tuple[str, bytes]]:
    units = int(scale) + (scale > int(scale))
    for unit in range(units):
        pairs = round(PAIRS * min(1.0, scale - unit))
        yield f"events-{unit + 1:04d}.csv", make_file(unit, pairs, seed, broken)


def make_file(unit: int, pairs: int, seed: int, broken: float) -> bytes:
    chance = random.Random(f"events {seed} {unit}")
    lines = [line.encode() for line in make_lines(chance, START + unit * SPAN, pairs)]
    for position in chance.sample(range(len(lines)), round(broken * len(lines))):
        lines[position] = break_line(chance, lines[position])
    return b"\n".join([HEADER.encode(), *lines, b""])


def make_lines(chance: random.Random, start: datetime, pairs: int) -> list[str]:
    events: list[tuple[int, str]] = []
    for _ in range(pairs):
        opened = chance.uniform(0, SPAN.total_seconds())
        events += [(int(opened), "Open"), (int(opened + 60 + chance.expovariate(1 / 3600)), "Close")]
    events.sort()
    batches = [events[i : i + BATCH] for i in range(0, len(events), BATCH)]
    chance.shuffle(batches)
    return [f"{start + timedelta(seconds=second):%Y-%m-%dT%H:%M:%S}.000Z,{action}" for batch in batches for second, action in batch]


def break_line(chance: random.Random, line: bytes) -> bytes:
    time, action = line.split(b",")
    return chance.choice(
        [
            time,  # too few columns
            line + b",again",  # too many
            b"2016-13-45T99:00:00.000Z," + action,
            b"yesterday," + action,
            time + b",Jammed",
            time + b",\xff\xfe",  # not UTF-8
            b"",
        ]
    )
