"""Makes a messenger's nested events flat, and says in which city each happened.

From: Parquet files under <input>/date=YYYY-MM-DD/; geo.csv (id;city;lat;lng, decimal commas); timezones.csv (city;timezone)
To:   yard.trusted.marts_mover             one row an event: who, when, the fields, the nearest city and its time zone
      yard.trusted.marts_mover_quarantine  every event that is none, with reason and source file
      yard.trusted.marts_mover_days        which files a day was made of, by which run

A run is for a date and a depth, and makes those days anew whose files, or whose cities, have changed. Who acts is message_from,
reaction_from or user, a number whatever the file has. Of messages without message_ts the datetime counts; both are UTC. An event without
a place has no city. The nearest city is that whose centre is nearest along a great circle.
"""

import argparse
import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import chain
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

import jobfiles
import jobkit
import jobrejects
import martkit
from martcities import City, nearest, read_cities

QUARANTINE = "yard.trusted.marts_mover_quarantine"
DAYS = "yard.trusted.marts_mover_days"
FIELDS = (
    "admins ARRAY<BIGINT>, channel_id BIGINT, datetime STRING, media STRUCT<media_type: STRING, src: STRING>, message STRING, "
    "message_channel_to BIGINT, message_from BIGINT, message_group BIGINT, message_id BIGINT, message_to BIGINT, message_ts STRING, "
    "reaction_from STRING, reaction_type STRING, subscription_channel BIGINT, subscription_user STRING, tags ARRAY<STRING>, user STRING"
)
RAW = f"event STRUCT<{FIELDS}>, event_type STRING, lat DOUBLE, lon DOUBLE"
FLAT = FIELDS.replace("media STRUCT<media_type: STRING, src: STRING>", "media_type STRING, src STRING")
PLACE = "lat DOUBLE, lon DOUBLE, city_id INT, city STRING, timezone STRING"
TABLES = {
    martkit.EVENTS: (f"event_type STRING, date DATE, user_id BIGINT, time TIMESTAMP, {PLACE}, {FLAT}", "event_type, date"),
    QUARANTINE: ("date DATE, line STRING, reason STRING, source_file STRING", "date"),
    DAYS: ("date DATE, files STRING, read BIGINT, rejected BIGINT, run_id STRING, loaded TIMESTAMP", ""),
}
KINDS = ("message", "reaction", "subscription")
TIME = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?$"


def parse(rows: DataFrame) -> DataFrame:
    """Nested rows to flat ones; `reason` says why a row is no event."""
    is_message = F.col("event_type") == "message"
    said = F.when(is_message, F.coalesce("event.message_ts", "event.datetime")).otherwise(F.col("event.datetime"))
    time = F.when(said.rlike(TIME), F.concat(said, F.lit("Z")).try_cast("timestamp"))
    who = F.when(is_message, F.col("event.message_from").cast("string")).when(
        F.col("event_type") == "reaction", F.col("event.reaction_from")
    )
    user = F.coalesce(who, F.when(F.col("event_type") == "subscription", F.col("event.user"))).try_cast("bigint")
    lat, lon = F.col("lat"), F.col("lon")
    reason = (
        F.when(~F.coalesce(F.col("event_type").isin(*KINDS), F.lit(False)), f"event_type is none of {', '.join(KINDS)}")
        .when(user.isNull(), "no user, or one that is no number")
        .when(is_message & said.isNull(), "a message without a time")
        .when(said.isNotNull() & time.isNull(), "time is no time")
        .when(lat.isNull() != lon.isNull(), "latitude or longitude without the other")
        .when(F.isnan(lat) | F.isnan(lon) | (F.abs(lat) > 90) | (F.abs(lon) > 180), "no place on earth")
    )
    return rows.select("*", user.alias("user_id"), time.alias("time"), reason.alias("reason"))


def flatten(events: DataFrame, cities: Sequence[City]) -> DataFrame:
    fields = [f"event.{name}" for name in names(FIELDS) if name != "media"] + ["event.media.media_type", "event.media.src"]
    return events.select("event_type", "date", "user_id", "time", "lat", "lon", nearest(cities).alias("nearest"), *fields).select(
        *(
            F.col("nearest")[name].alias(name) if name in ("city_id", "city", "timezone") else name
            for name in names(TABLES[martkit.EVENTS][0])
        )
    )


def names(columns: str) -> list[str]:
    return re.findall(r"(?:^|, )(\w+) ", columns)


def find_days(spark: SparkSession, cities: Sequence[City], args: argparse.Namespace, job: jobkit.Job) -> dict[date, list[Row]]:
    """The days asked for whose files are not those that they were made of."""
    by_day: dict[date, list[Row]] = defaultdict(list)
    for file in jobfiles.list_files(spark, args.input).collect():
        if found := re.search(r"/date=(\d{4}-\d\d-\d\d)/", file.source_file):
            by_day[date.fromisoformat(found[1])].append(file)
    asked = {day: sorted(by_day[day], key=lambda file: file.path) for day in martkit.days(args) if day in by_day}
    martkit.tell_missing(args, asked, args.input, job)
    known = {row.date: row.files for row in spark.table(DAYS).groupBy("date").agg(F.max_by("files", "loaded").alias("files")).collect()}
    new = {day: files for day, files in asked.items() if known.get(day) != fingerprint(files, cities)}
    job.facts |= {"days_new": len(new), "days_known": len(asked) - len(new)}
    return new


def fingerprint(files: Sequence[Row], cities: Sequence[City]) -> str:
    told = json.dumps([[(file.source_file, file.size, file.modified) for file in files], cities])
    return hashlib.sha256(told.encode()).hexdigest()


def read(spark: SparkSession, days: Mapping[date, Sequence[Row]]) -> DataFrame:
    rows = jobfiles.read_parquet(spark, chain.from_iterable(days.values()), RAW)
    return rows.withColumn("date", F.to_date(F.regexp_extract("source_file", r"/date=(\d{4}-\d\d-\d\d)/", 1)))


def count(events: DataFrame, job: jobkit.Job) -> tuple[Counter[str], dict[date, tuple[int, int]]]:
    """Rejected rows by reason, and by day those read and rejected."""
    try:
        counted = events.groupBy("date", "reason").count().collect()
    except Exception as error:
        if unreadable := re.search(r"FAILED_READ_FILE.*?file (\S+?)\.?\s", str(error)):
            raise jobkit.InputError(f"{unreadable[1]} cannot be read as it is declared. No table was touched.") from error
        raise
    reasons: Counter[str] = Counter()
    read: Counter[date] = Counter()
    rejected: Counter[date] = Counter()
    for row in counted:
        read[row.date] += row["count"]
        if row.reason:
            reasons[row.reason] += row["count"]
            rejected[row.date] += row["count"]
    job.rows |= {"read": read.total(), "rejected": rejected.total()}
    return reasons, {day: (read[day], rejected[day]) for day in read}


def load(
    spark: SparkSession, days: Mapping[date, Sequence[Row]], cities: Sequence[City], args: argparse.Namespace, job: jobkit.Job
) -> None:
    events, these = parse(read(spark, days)), F.col("date").isin(*days)
    job.versions = jobfiles.current_versions(spark, TABLES)
    with job.phase("check rows"):
        reasons, by_day = count(events, job)
    with job.phase("quarantine"):
        if reasons or not spark.table(QUARANTINE).where(these).isEmpty():
            rejects = events.where(F.col("reason").isNotNull())
            line = F.to_json(F.struct("event", "event_type", "lat", "lon")).alias("line")
            jobfiles.replace_rows(rejects.select("date", line, "reason", "source_file"), QUARANTINE, these, job)
            job.facts["rejected_because"] = dict(reasons)
        jobrejects.check_share(reasons, args.max_rejected, QUARANTINE, job)
    with job.phase("write"):
        # a task reads files of many days, and would write one for each
        good = flatten(events.where(F.col("reason").isNull()), cities).hint("rebalance", "event_type", "date")
        jobfiles.replace_rows(good, martkit.EVENTS, these, job)
        job.rows["written"] = jobfiles.read_anew(spark, martkit.EVENTS).where(these).count()
        job.check("rows read = rejected + written", job.rows["read"] == job.rows["rejected"] + job.rows["written"])
    with job.phase("note days"):
        entries = [(day, fingerprint(files, cities), *by_day.get(day, (0, 0)), job.run_id) for day, files in days.items()]
        book = spark.createDataFrame(entries, TABLES[DAYS][0].rpartition(", ")[0]).select("*", F.current_timestamp().alias("loaded"))
        jobfiles.retry_conflicts(lambda: jobfiles.append_rows(book.coalesce(1), DAYS, job))


def compute(spark: SparkSession, args: argparse.Namespace, job: jobkit.Job) -> None:
    def attempt() -> None:
        job.tables.clear()
        with job.phase("find days"):
            cities = read_cities(spark, args.geo, args.timezones)
            jobfiles.ensure_tables(spark, TABLES)
            days = find_days(spark, cities, args, job)
        if days:
            load(spark, days, cities, args, job)

    jobfiles.retry_conflicts(attempt)


def arguments() -> argparse.ArgumentParser:
    parser = jobkit.Arguments("marts-mover", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", required=True, help="the folder that holds a folder date=YYYY-MM-DD for each day, as a URI")
    parser.add_argument("--geo", required=True, help="cities and their centres: id;city;lat;lng")
    parser.add_argument("--timezones", required=True, help="their time zones: city;timezone")
    martkit.add_options(parser)
    parser.add_argument("--max-rejected", type=jobkit.share, default=0.01, help="share of rows that may be no events, 0 to 1")
    return parser


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return jobkit.run("marts-mover", arguments(), compute, argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
