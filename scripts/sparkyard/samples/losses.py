"""Losses of a catastrophe model as it leaves them on a share: a folder a snapshot, many CSV files in each, some 100,000 rows a scale unit.

What real ones have and what misleads: one occurrence in several rows (by binding and tag); event numbers that two event sets use for
different events; years without any loss, the last ones among them; gains in NetLayer; a file with Windows' ends of lines. File k depends on
the seed and on k only, so a larger scale adds files and leaves the others as they are.
"""

import random
from collections.abc import Iterator

HEADER = (
    "Iteration,EventSetTypeId,Day,EventID,EventSetID,TagID,Layer,RIP,RIB,LayerId,Premium,Tax,Brokerage,NetLayer,Phantom,Subject,BindingId"
)
SNAPSHOTS = ("2031-Q1 base", "2031-Q2 größer")  # invented; names as people give them
ITERATIONS = 10_000
LAST = ITERATIONS - 7  # in the years behind it nothing happens
ROWS = 10_000  # of a file
FILES = 10  # of a scale unit, over all snapshots
LAYERS = 12
REGIONS = (1, 2, 5)


def make_files(scale: float, seed: int = 0, broken: float = 0.0) -> Iterator[tuple[str, bytes]]:
    files = max(len(SNAPSHOTS), round(scale * FILES))
    rows = min(ROWS, round(scale * FILES * ROWS / files))
    for number in range(files):
        name = f"{SNAPSHOTS[number % len(SNAPSHOTS)]}/losses-{number // len(SNAPSHOTS) + 1:05d}.csv"
        yield name, make_file(number, rows, seed, broken)


def make_file(number: int, rows: int, seed: int, broken: float) -> bytes:
    chance = random.Random(f"losses {seed} {number}")
    lines: list[str] = []
    while len(lines) < rows:
        lines += make_occurrence(chance)[: rows - len(lines)]
    for position in chance.sample(range(rows), round(broken * rows)):
        lines[position] = break_line(chance, lines[position])
    end = "\r\n" if number % FILES == 3 else "\n"
    return end.join([HEADER, *lines, ""]).encode()


def make_occurrence(chance: random.Random) -> list[str]:
    """The rows of one event on one day of one year: every layer of its region that it hits, some by several bindings."""
    iteration, day, event_set = chance.randint(1, LAST), chance.randint(1, 365), chance.randint(1, 2)
    event, region = int(chance.triangular(1, 400, 20)), chance.choice(REGIONS)
    # of an event most is the same each time: the event's own size, and the year's luck
    size = random.Random(f"event {event} {event_set} {region}").paretovariate(1.3) * 1e5
    lines = []
    for layer in sorted(chance.sample(range(1, LAYERS + 1), chance.randint(1, 3))):
        for _ in range(1 + (chance.random() < 0.2)):
            lines.append(make_line(chance, (iteration, region, day, event, event_set), layer, size * chance.lognormvariate(0, 0.5)))
    return lines


def make_line(chance: random.Random, where: tuple[int, int, int, int, int], layer: int, subject: float) -> str:
    loss = max(0.0, min(subject - 20_000 * layer, 5e6))
    premium, binding = 1_000.0 * layer, chance.randint(1, 40)
    reinstated = round(premium * min(1.0, loss / 5e6), 2)
    net = round(loss, 2) - reinstated - (premium if chance.random() < 0.02 else 0)  # now and then a year's premium exceeds its loss
    iteration, region, day, event, event_set = where
    keys = (iteration, region, day, event, event_set, chance.randint(1, 3))
    amounts = (round(loss, 2), reinstated, round(reinstated * 0.1, 2))
    rest = (
        premium,
        round(premium * 0.05, 2),
        round(premium * 0.1, 2),
        round(net, 2),
        int(chance.random() < 0.001),
        round(subject, 2),
        binding,
    )
    return ",".join(map(str, (*keys, *amounts, layer, *rest)))


def break_line(chance: random.Random, line: str) -> str:
    fields = line.split(",")
    return chance.choice(
        [
            ",".join(fields[:-1]),  # too few columns
            f"{line},1",  # too many
            ",".join([*fields[:6], "n/a", *fields[7:]]),
            ",".join([*fields[:6], fields[6].replace(".", ","), *fields[7:]]),  # a decimal comma
            ",".join(["", *fields[1:]]),
            ",".join(["1.5", *fields[1:]]),
            "",
        ]
    )
