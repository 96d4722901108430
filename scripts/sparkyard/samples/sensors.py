"""Readings of weather stations as JSON lines, a file a day over 30 days; 50,000 readings a scale unit.

What misleads in them: parameters that appear unannounced in the middle of a month, a type that changes and changes back, numbers as text, a
nested object, nulls before the first value, names that differ in case only, and a file with readings of days long past that arrives late.
File k depends on the seed and on k only but for its length, so a larger scale adds lines to each file.
"""

import json
import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

FIRST, DAYS = date(2024, 5, 1), 30
READINGS = 50_000  # of a scale unit
STATIONS = 20
LATE = 12  # readings of this day come behind all others, with a parameter that nobody else sends so early
TIMES = {"co2": 7, "wind": 10, "Humidity": 15, "battery": 18, "pressure": 20}  # from which day on


def make_files(scale: float, seed: int = 0, broken: float = 0.0) -> Iterator[tuple[str, bytes]]:
    count = max(STATIONS, round(scale * READINGS / DAYS))
    for day in range(DAYS):
        name = f"{FIRST + timedelta(day)}/stations.json"
        if day == LATE:
            name = f"{FIRST + timedelta(DAYS - 1)}/late.json"
        chance = random.Random(f"sensors {seed} {day}")
        lines = [json.dumps(make_reading(chance, day, number), ensure_ascii=False) for number in range(count)]
        breaks = random.Random(f"sensors broken {seed} {day}")
        for position in breaks.sample(range(count), round(broken * count)):
            lines[position] = break_line(breaks, lines[position])
        yield name, "\n".join([*lines, ""]).encode()


def make_reading(chance: random.Random, day: int, number: int) -> dict[str, Any]:
    """The first stations have what is new, and of each parameter the first reading of its day is there in any scale."""
    at = datetime.combine(FIRST, datetime.min.time()) + timedelta(days=day, seconds=number * 97 % 86_400)
    reading: dict[str, Any] = {"sensor": f"station-{number % STATIONS + 1:02d}", "time": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    warm = round(chance.gauss(15, 5), 1)
    reading |= {"temperature": f"{warm}" if number % STATIONS == 3 and 14 <= day < 22 else warm}  # a firmware that writes text
    reading |= {"humidity": chance.randrange(20, 100)} if number % STATIONS != 5 else {"Humidity": 50} if day >= TIMES["Humidity"] else {}
    if number % STATIONS < 4:
        reading["co2"] = chance.randrange(380, 900) if day >= TIMES["co2"] else None
    if number % STATIONS < 6 and day >= TIMES["wind"]:
        reading["wind"] = {"speed": round(chance.uniform(0, 20), 1), "from": chance.choice(["N", "NW", "S"])}
    if number % STATIONS == 1 and day >= TIMES["battery"]:
        reading["battery"] = True if day > TIMES["battery"] and number // STATIONS % 2 else "low"
    if number % STATIONS == 2 and (day >= TIMES["pressure"] or day == LATE):
        reading["pressure"] = round(chance.uniform(980, 1040), 1)
    return reading


def break_line(chance: random.Random, line: str) -> str:
    wrong = [line[: len(line) // 2], "", "[1, 2]", line.replace("2024-05", "1970-01", 1), line.replace("sensor", "station", 1)]
    return chance.choice([*wrong, line.replace("T", " ", 1).replace('"time": "', '"time": "on ')])
