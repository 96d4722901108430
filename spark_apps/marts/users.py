"""Where do people live, where are they now, and where have they been?

From: yard.trusted.marts_mover
To:   yard.refined.marts_users  for a date, one row for everyone who wrote in its days

act_city is the city of the last message with a place. A visit begins where the city is another than that of the message before; it ends
where the next begins, and the last one has not ended by the date. home_city is the city of the latest visit of 27 days or more. local_time
is what a clock in act_city showed at the last message there. Of two messages of one moment that with the higher number is the later.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

import jobkit
import martkit

HOME = 27  # days
DAY = 24 * 3600


def answer(events: DataFrame, _: DataFrame, args: argparse.Namespace) -> DataFrame:
    messages = events.where(F.col("event_type") == "message").select("user_id", "time", "message_id", "city_id", "city", "timezone")
    last = F.max_by(F.struct("city", "timezone", "time"), F.when(F.col("city_id").isNotNull(), martkit.later()))
    seen = F.struct("time", "message_id", "city")
    people = (
        find_visits(messages)
        .groupBy("user_id")
        .agg(
            last.alias("last"),
            F.max_by("city", F.when(F.col("is_visit") & (stay(args) >= HOME), martkit.later())).alias("home_city"),
            F.array_sort(F.collect_list(F.when(F.col("is_visit"), seen))).alias("visits"),
        )
    )
    return people.select(
        "user_id",
        F.col("last.city").alias("act_city"),
        "home_city",
        martkit.local_time(F.col("last.time"), F.col("last.timezone")).alias("local_time"),
        F.size("visits").alias("travel_count"),
        F.transform("visits", lambda visit: visit["city"]).alias("travel_array"),
    )


def find_visits(messages: DataFrame) -> DataFrame:
    """Each message with `is_visit`, and `next`: when the next visit begins. Messages without a place neither begin nor end any."""
    by_user = Window.partitionBy("user_id").orderBy("time", "message_id", "city_id")
    before = F.last("city_id", ignorenulls=True).over(by_user.rowsBetween(Window.unboundedPreceding, -1))
    marked = messages.withColumn("is_visit", F.col("city_id").isNotNull() & ~F.col("city_id").eqNullSafe(before))
    ahead = by_user.rowsBetween(1, Window.unboundedFollowing)
    return marked.withColumn("next", F.first(F.when(F.col("is_visit"), F.col("time")), ignorenulls=True).over(ahead))


def stay(args: argparse.Namespace) -> Column:
    """Days from the first message of a visit to the first of the next, or to the date."""
    today = F.datediff(F.lit(args.date), F.lit("1970-01-01").cast("date"))
    return F.coalesce(number_of_day("next"), today) - number_of_day("time")


def number_of_day(time: str) -> Column:
    """Days in UTC: arithmetic on instants knows no session time zone."""
    return F.floor(F.unix_seconds(time) / DAY)


def tell(rows: DataFrame, events: DataFrame, job: jobkit.Job) -> None:
    counts = [F.count("*").alias("people"), F.count("act_city").alias("places"), F.max("travel_count").alias("most")]
    homes = rows.groupBy("home_city").agg(*counts).collect()
    job.rows["written"] = people = sum(home.people for home in homes)
    writers = events.where(F.col("event_type") == "message").agg(F.count_distinct("user_id")).collect()[0][0]
    job.check("everyone who wrote has a row", people == writers)
    job.facts |= {
        "people": people,
        "with_a_home": sum(home.people for home in homes if home.home_city),
        "without_a_place": people - sum(home.places for home in homes),
        "most_visits": max((home.most for home in homes), default=0),
    }
    largest = sorted(homes, key=lambda home: (-home.people, home.home_city or ""))[:10]
    job.highlights = [["home", "people"], *([home.home_city or "none yet", home.people] for home in largest)]


MART = martkit.Mart(
    job="marts-users",
    about=__doc__,
    code=__file__,
    table="yard.refined.marts_users",
    columns="user_id BIGINT, act_city STRING, home_city STRING, local_time TIMESTAMP_NTZ, travel_count INT, travel_array ARRAY<STRING>",
    answer=answer,
    tell=tell,
)


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return martkit.run(MART, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
