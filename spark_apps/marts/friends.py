"""Who might want to know each other?

From: yard.trusted.marts_mover
To:   yard.refined.marts_friends  for a date, one row a pair, user_left < user_right

Pairs who subscribed to one channel in the days, whose last messages with a place were written 1 km apart or less, and who never wrote to
each other, in any direction, until the date. zone is the city of user_left's last message, local_time what a clock there showed when the
later one of both was written. The distance is not rounded before it is compared.
"""

import argparse
from collections.abc import Sequence
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

import jobkit
import martkit

NEAR = 1.0  # km
CELL = 1.001  # km, so that what is near is in a cell beside at most, whatever is rounded
AXES = ("x", "y", "z")


def answer(events: DataFrame, until: DataFrame, args: argparse.Namespace) -> DataFrame:
    people = find_people(events)
    pairs = find_near(people).where(F.arrays_overlap("left.channels", "right.channels"))
    ids = pairs.select(F.col("left.user_id").alias("user_left"), F.col("right.user_id").alias("user_right"), "*")
    strangers = ids.join(find_contacts(until), ["user_left", "user_right"], "left_anti")
    later = F.greatest("left.time", "right.time")
    return strangers.select(
        "user_left",
        "user_right",
        F.col("left.city").alias("zone"),
        martkit.local_time(later, F.col("left.timezone")).alias("local_time"),
        F.col("km").alias("distance_km"),
    )


def find_people(events: DataFrame) -> DataFrame:
    """Who has a last place and a channel; without either there is no pair."""
    messages = events.where((F.col("event_type") == "message") & F.col("lat").isNotNull())
    last = F.max_by(F.struct("lat", "lon", "city", "timezone", "time"), martkit.later()).alias("last")
    subscriptions = events.where((F.col("event_type") == "subscription") & F.col("subscription_channel").isNotNull())
    channels = subscriptions.groupBy("user_id").agg(F.collect_set("subscription_channel").alias("channels"))
    return messages.groupBy("user_id").agg(last).join(channels, "user_id").select("user_id", "last.*", "channels")


def find_near(people: DataFrame) -> DataFrame:
    """Pairs NEAR each other: looked for in the cell of one and those around it, in three dimensions, where neither pole nor date line is in
    the way. A channel of many people would pair them all before any distance is known."""
    placed = people.select(F.struct("*").alias("left"), *cell())
    right = placed.withColumnRenamed("left", "right")
    pairs = reduce(spread, AXES, placed).join(right, list(AXES)).where(F.col("left.user_id") < F.col("right.user_id"))
    km = martkit.distance(F.col("left.lat"), F.col("left.lon"), F.col("right.lat"), F.col("right.lon"))
    return pairs.select("left", "right", km.alias("km")).where(F.col("km") <= NEAR)


def cell() -> list[Column]:
    lat, lon = F.radians("lat"), F.radians("lon")
    places = (F.cos(lat) * F.cos(lon), F.cos(lat) * F.sin(lon), F.sin(lat))
    return [F.floor(place * martkit.EARTH / CELL).alias(axis) for axis, place in zip(AXES, places, strict=True)]


def spread(rows: DataFrame, axis: str) -> DataFrame:
    """Into the cell before and the one behind, too."""
    return rows.withColumn(axis, F.explode(F.sequence(F.col(axis) - 1, F.col(axis) + 1)))


def find_contacts(until: DataFrame) -> DataFrame:
    """Pairs of which one wrote to the other, whichever."""
    written = until.where((F.col("event_type") == "message") & F.col("message_to").isNotNull())
    sides = F.least("user_id", "message_to").alias("user_left"), F.greatest("user_id", "message_to").alias("user_right")
    return written.select(*sides).distinct()


def tell(rows: DataFrame, _: DataFrame, job: jobkit.Job) -> None:
    """Zone by zone: a pair has that of its left one."""
    ordered = F.count_if(F.col("user_left") < F.col("user_right")).alias("ordered")
    counts = [F.count("*").alias("pairs"), F.count_distinct("user_left", "user_right").alias("once"), ordered]
    zones = rows.groupBy("zone").agg(*counts, F.max("distance_km").alias("far")).collect()
    job.rows["written"] = sum(zone.pairs for zone in zones)
    job.check("each pair once, the lower number left", all(zone.pairs == zone.once == zone.ordered for zone in zones))
    job.facts |= {"pairs": job.rows["written"], "farthest_km": max((zone.far for zone in zones), default=None)}
    largest = sorted(zones, key=lambda zone: (-zone.pairs, zone.zone))[:10]
    job.highlights = [["zone", "pairs"], *([zone.zone, zone.pairs] for zone in largest)]


MART = martkit.Mart(
    job="marts-friends",
    about=__doc__,
    code=__file__,
    table="yard.refined.marts_friends",
    columns="user_left BIGINT, user_right BIGINT, zone STRING, local_time TIMESTAMP_NTZ, distance_km DOUBLE",
    answer=answer,
    tell=tell,
)


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return martkit.run(MART, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
