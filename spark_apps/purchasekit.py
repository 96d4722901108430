"""Purchases as our jobs know them: the lists of a day's snapshot, what is a row of them, and the tables that they go to.

A snapshot is everything there is on a day: purchases, products and users, each list with its key. A row is the same as the day before, or
another, or gone; what a snapshot says of a key holds until the next snapshot.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from pyspark.sql import Column
from pyspark.sql import functions as F

EARLIEST = date(2000, 1, 1)
DAYS = "yard.trusted.purchases_land_days"
CHANGED = "yard.trusted.purchases_changes_days"
STATUSES = ("paid", "returned", "cancelled")


@dataclass(frozen=True, eq=False)  # itself is its identity
class List:
    """One list of a snapshot. `rules`: reason, and the SQL that holds for a row which is rejected for it."""

    name: str
    history: str
    key: str
    columns: Mapping[str, str]
    rules: Mapping[str, str] = field(default_factory=dict)

    @property
    def landed(self) -> str:
        return f"yard.trusted.purchases_land_{self.name}"

    @property
    def changes(self) -> str:
        return f"yard.trusted.purchases_changes_{self.name}"

    @property
    def header(self) -> str:
        return ",".join(self.columns)

    @property
    def declared(self) -> str:
        return ", ".join(f"{name} {kind}" for name, kind in self.columns.items())


PRICE = {"price is below zero": "price < 0"}
PRODUCTS = List(
    "products",
    "yard.refined.purchases_product",
    "product_id",
    {"product_id": "BIGINT", "name": "STRING", "category": "STRING", "price": "DECIMAL(12,2)"},
    PRICE,
)
USERS = List("users", "yard.refined.purchases_user", "user_id", {"user_id": "BIGINT", "name": "STRING", "city": "STRING"})
PURCHASES = List(
    "purchases",
    "yard.refined.purchases_fact",
    "purchase_id",
    {
        "purchase_id": "BIGINT",
        "purchased_at": "TIMESTAMP",
        "user_id": "BIGINT",
        "product_id": "BIGINT",
        "quantity": "INT",
        "price": "DECIMAL(12,2)",
        "status": "STRING",
    },
    {
        "quantity is below one": "quantity < 1",
        **PRICE,
        f"status is none of {', '.join(STATUSES)}": f"status NOT IN {STATUSES}",
        "purchased after the day of its snapshot": "purchased_at >= date_add(date, 1)",
    },
)
LISTS = (PRODUCTS, USERS, PURCHASES)  # the fact last: it says that all are written


def was_so(on: date) -> Column:
    """The rows of a history as they were on a day."""
    return (F.col("valid_from") <= F.lit(on)) & F.coalesce(F.col("valid_to") > F.lit(on), F.lit(True))
