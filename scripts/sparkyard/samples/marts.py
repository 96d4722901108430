"""A messenger's events as nested Parquet, a folder a day: 1,000 people a scale unit, over 60 days, in Australian cities.

What misleads in them: messages without `message_ts` (then `datetime`), places that are unknown, user ids that are text in one kind of event
and numbers in another, two messages of one second, people who never move, stays of 26 and of exactly 27 days, a stay that goes on, pairs
0.99 and 1.01 km apart, pairs who wrote to each other in either direction, a week without any reaction, a change of clocks. Unit k
depends on the seed and on k only, so a larger scale adds files and leaves the others as they are.
"""

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sparkyard.samples.marts_cities import CITIES, format_cities, format_zones
from sparkyard.samples.trace import check_tools

FIRST, DAYS = date(2022, 3, 7), 60
LAST = FIRST + timedelta(DAYS - 1)
QUIET = range(14, 21)  # days without a reaction
BLOCKS = 50  # of a unit
ROLES = 20  # people of a block, each with a trap of their own
KILOMETRE = 1 / 111.195  # degrees of latitude
# role: by how far to the north of the one before, the two writers, whether they share a channel
PAIRS = {7: (0.99, None, True), 9: (1.01, None, True), 11: (0.5, (10, 11), True), 13: (0.5, (13, 12), True), 15: (0.5, None, False)}
Place = tuple[float, float] | tuple[None, None]


def make_files(scale: float, seed: int = 0, broken: float = 0.0) -> Iterator[tuple[str, bytes]]:
    check_tools("sample marts")
    from sparkyard.samples.marts_files import format_file

    yield "geo.csv", format_cities()
    yield "timezones.csv", format_zones()
    for unit in range(int(scale) + (scale > int(scale))):
        by_day = make_unit(unit, max(1, round(BLOCKS * min(1.0, scale - unit))), seed)
        for number, rows in enumerate(by_day):
            chance = random.Random(f"marts {seed} {unit} {number}")
            for row in chance.sample(rows, round(broken * len(rows))):
                break_row(chance, row)
            yield f"events/date={FIRST + timedelta(number)}/unit-{unit + 1:04d}.parquet", format_file(rows)


def make_unit(unit: int, blocks: int, seed: int) -> list[list[dict[str, Any]]]:
    """Rows of each day."""
    days: list[list[dict[str, Any]]] = [[] for _ in range(DAYS)]
    for block in range(blocks):
        chance = random.Random(f"marts {seed} {unit} {block}")
        first = (unit * BLOCKS + block) * ROLES + 1
        home = (chance.randrange(len(CITIES)), chance.uniform(-0.1, 0.1), chance.uniform(-0.1, 0.1))
        for role in range(ROLES):
            Person(chance, first, role, home, days).live()
    return days


class Person:
    def __init__(self, chance: random.Random, first: int, role: int, home: tuple[int, float, float], days: list[list[dict[str, Any]]]):
        self.chance, self.first, self.role, self.home, self.days = chance, first, role, home, days
        self.number = first + role
        self.sent = 0

    def live(self) -> None:
        moves = make_moves(self.chance, self.role)
        city = 0
        for day in range(DAYS):
            city = moves.get(day, city)
            writes = self.role != 19 and (day in moves or self.chance.random() < 0.5)
            if writes:
                self.message(day, self.near(city, sure=day in moves), self.chance.randrange(6, 23) * 3600 + self.chance.randrange(3600))
            if self.chance.random() < 0.4 and day not in QUIET:
                self.react(day, self.near(city))
            if self.chance.random() < 0.05:
                self.subscribe(day, self.near(city), self.chance.randrange(1, 40))
        if self.role != 19:
            self.end(city)

    def end(self, city: int) -> None:
        """The last day: two messages of one second, of which the later number counts; pairs at their distance, and what they share."""
        second = 86_390
        if self.role == 16:
            self.message(DAYS - 1, self.near((city + 1) % len(CITIES), sure=True), second)
        self.message(DAYS - 1, self.last_place(city), second)
        if pair := PAIRS.get(self.role + (self.role % 2 == 0)):
            _, writers, shares = pair
            self.subscribe(3, (None, None), 1_000_000 + self.first + (self.role // 2 if shares else self.role + 100))
            if writers and writers[0] == self.role:
                self.message(5, self.near(city), 40_000, to=self.first + writers[1])

    def last_place(self, city: int) -> Place:
        if self.role not in range(6, 16):
            return self.near(city, sure=True)
        index, north, east = self.home
        steps = PAIRS[self.role][0] if self.role in PAIRS else 0.0
        _, lat, lon, _ = CITIES[index]
        return round(lat + north + self.role // 2 * 0.05 + steps * KILOMETRE, 7), round(lon + east, 7)

    def near(self, city: int, sure: bool = False) -> Place:
        """A place in a city, or one that is not known; role 5 never tells."""
        if self.role == 5 or (not sure and self.chance.random() < 0.1):
            return None, None
        _, lat, lon, _ = CITIES[(city + self.home[0]) % len(CITIES)]
        return round(lat + self.chance.gauss(0, 0.03), 6), round(lon + self.chance.gauss(0, 0.03), 6)

    def message(self, day: int, place: Place, second: int, to: int | None = None) -> None:
        when = datetime.combine(FIRST, datetime.min.time()) + timedelta(days=day, seconds=second)
        self.sent += 1
        kind = self.chance.random()
        fields: dict[str, Any] = {"message_id": self.number * 1000 + self.sent, "message_from": self.number, "message": "hello"}
        fields |= {"datetime": f"{when}"} if kind < 0.6 else {"message_ts": f"{when}.000"}
        fields |= {"message_ts": f"{when}.000"} if kind < 0.3 else {}
        channel = self.chance.randrange(1, 40)
        fields |= {"message_to": to or self.number + 400} if to or kind < 0.5 else {"message_channel_to": channel, "tags": ["a", "b"]}
        self.add(day, "message", place, fields)

    def react(self, day: int, place: Place) -> None:
        fields = {"datetime": f"{FIRST + timedelta(day)} 12:00:00", "reaction_from": str(self.number), "reaction_type": "like"}
        self.add(day, "reaction", place, fields | {"message_id": self.chance.randrange(1, 10_000)})

    def subscribe(self, day: int, place: Place, channel: int) -> None:
        fields = {"datetime": f"{FIRST + timedelta(day)} 13:30:00", "subscription_channel": channel, "user": str(self.number)}
        self.add(day, "subscription", place, fields)

    def add(self, day: int, kind: str, place: Place, fields: dict[str, Any]) -> None:
        self.days[day].append({"event": fields, "event_type": kind, "lat": place[0], "lon": place[1]})


def make_moves(chance: random.Random, role: int) -> dict[int, int]:
    """On which day to which city, counted from the block's own."""
    special = {
        0: {0: 0},
        1: {0: 0, 10: 3, 37: 7, 45: 2},  # 27 days in the second
        2: {0: 0, 20: 3, 46: 7, 55: 2},  # 26 days at most
        3: {0: 0, 12: 5},
        4: {0: 4, 20: 1, DAYS - 1 - 27: 6},  # goes on, for 27 days to the last
        5: {0: 0},
    }
    wandering = {day: chance.randrange(len(CITIES)) for day in [0, *sorted(chance.sample(range(1, DAYS), 4))]}
    return special.get(role, wandering)


def break_row(chance: random.Random, row: dict[str, Any]) -> None:
    how = chance.randrange(5)
    if how == 0:
        row["event_type"] = "mesage"
    elif how == 1:
        row["lat"], row["lon"] = 123.4, 10.0
    elif how == 2:
        row["lat"], row["lon"] = None, 151.2
    elif how == 3:
        row["event"] |= {"message_from": None, "reaction_from": "n/a", "user": ""}
    else:
        row["event"] |= {"message_ts": "yesterday", "datetime": "2022-13-45 10:00:00"}
