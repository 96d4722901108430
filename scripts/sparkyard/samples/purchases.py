"""Daily snapshots of a shop: purchases, products and users as CSV, a folder a day over 14 days; 20,000 purchases a scale unit.

What misleads in them: prices, categories and cities that change and change back, what goes and comes back as it was, what goes for good
while purchases of it stay, purchases that are returned or cancelled days later, a day on which nothing changes, names with commas and
quotes. A key's life depends on the seed and on the key only, so a larger scale adds lines behind the others.
"""

import random
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

FIRST, DAYS = date(2024, 3, 1), 14
QUIET = 8  # this day is as the one before it
PURCHASES = 20_000  # of a scale unit
BUYERS = 10  # purchases for each user
OFFER = 40  # for each product
CATEGORIES = ("kitchen", "garden", "office", "sports", "toys")
CITIES = ("Hobart", "Perth", "Darwin", "Cairns", "Alice Springs", "St. Helens, Tas.")
HEADERS = {
    "products": "product_id,name,category,price",
    "users": "user_id,name,city",
    "purchases": "purchase_id,purchased_at,user_id,product_id,quantity,price,status",
}
Row = list[str]
Life = list[Row | None]  # what a key is on each day


def make_files(scale: float, seed: int = 0, broken: float = 0.0) -> Iterator[tuple[str, bytes]]:
    lives = make_lives(max(OFFER, round(scale * PURCHASES)), seed)
    for day in range(DAYS):
        as_of = day - (day >= QUIET)
        for name, header in HEADERS.items():
            lines = [",".join(row) for life in lives[name] if (row := life[as_of])]
            chance = random.Random(f"purchases {seed} {day} {name}")
            for position in chance.sample(range(len(lines)), round(broken * len(lines))):
                lines[position] = break_line(chance, lines[position])
            yield f"{FIRST + timedelta(day)}/{name}.csv", "\n".join([header, *lines, ""]).encode()


def make_lives(purchases: int, seed: int) -> dict[str, list[Life]]:
    counts = {"products": purchases // OFFER, "users": purchases // BUYERS, "purchases": purchases}
    makers = {"products": make_product, "users": make_user, "purchases": make_purchase}
    return {
        name: [makers[name](random.Random(f"purchases {seed} {name} {number}"), number) for number in range(1, count + 1)]
        for name, count in counts.items()
    }


def make_product(chance: random.Random, number: int) -> Life:
    name = chance.choice([f"Mug {number}", f'"Mug, size {number}"', f'"Mug ""Number {number}"""'])
    return live(chance, number, [str(number), name, chance.choice(CATEGORIES), price(chance)], edit_product)


def edit_product(chance: random.Random, row: Row) -> Row:
    number, name, category, cost = row
    return [number, name, chance.choice(CATEGORIES), cost] if chance.random() < 0.3 else [number, name, category, price(chance)]


def make_user(chance: random.Random, number: int) -> Life:
    return live(chance, number, [str(number), f"Pat {number}", city(chance)], lambda chance, row: [*row[:2], city(chance)])


def live(chance: random.Random, number: int, row: Row, edit: Callable[[random.Random, Row], Row]) -> Life:
    """Every twentieth key has the same fate, the others change now and then."""
    other, life, fate = edit(chance, row), list[Row | None](), number % 20
    for day in range(DAYS):
        if fate < 16 and chance.random() < 0.03:
            row = edit(chance, row)
        gone = (fate == 16 and 3 <= day < 6) or (fate == 17 and day >= 10) or (fate == 18 and day < 5)
        life.append(None if gone else other if fate == 19 and 4 <= day < 9 else row)
    return life


def make_purchase(chance: random.Random, number: int) -> Life:
    """Two of three are of the months before the first snapshot."""
    born = chance.randrange(DAYS - 1) if number % 3 == 0 else 0
    day = born + (born >= QUIET) if born else -chance.randrange(150)
    at = datetime.combine(FIRST, datetime.min.time()) + timedelta(days=day, seconds=chance.randrange(86_400))
    user, product = 1 + chance.randrange(max(1, (number + BUYERS) // BUYERS)), 1 + chance.randrange(max(1, (number + OFFER) // OFFER))
    row = [str(number), f"{at:%Y-%m-%dT%H:%M:%SZ}", str(user), str(product), str(chance.choice([1, 1, 1, 2, 5])), price(chance)]
    late, status = chance.randrange(DAYS), chance.choice(["paid"] * 8 + ["returned", "cancelled"])
    return [None if as_of < born else [*row, status if as_of >= late else "paid"] for as_of in range(DAYS)]


def price(chance: random.Random) -> str:
    return f"{chance.randrange(100, 20_000) / 100:.2f}"


def city(chance: random.Random) -> str:
    chosen = chance.choice(CITIES)
    return f'"{chosen}"' if "," in chosen else chosen


def break_line(chance: random.Random, line: str) -> str:
    key, _, rest = line.partition(",")
    return chance.choice([key, f"{line},1", f"x{line}", "", f",{rest}", f'{key},"{rest.replace(chr(34), "")}'])
