"""The sample of 40 people, moved once for all tests, and the same files in DuckDB with their nearest cities found in another way."""

from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest

from sparkyard.samples import marts as sample

FIELDS = ["admins", "channel_id", "datetime", "message", "message_channel_to", "message_from", "message_group", "message_id", "message_to"]
FIELDS += ["message_ts", "reaction_from", "reaction_type", "subscription_channel", "subscription_user", "tags"]
ALL = ("--date", str(sample.LAST), "--depth", str(sample.DAYS - 1))


def put(raw: Path, days: int = sample.DAYS, **more: Any) -> None:
    """The first days of the sample."""
    for number, (name, content) in enumerate(sample.make_files(0.04, **more)):
        if number < days + 2:
            (raw / name).parent.mkdir(parents=True, exist_ok=True)
            (raw / name).write_bytes(content)


def move(yard: Any, *args: str) -> dict[str, Any]:
    from marts import mover

    places = ("--input", f"{yard.uri}events/", "--geo", f"{yard.uri}geo.csv", "--timezones", f"{yard.uri}timezones.csv")
    return mover.main([*places, *args], yard.spark)


def duck(raw: Path) -> Any:
    """DuckDB with the table `events`: the city by the angle between two vectors, instead of by the haversine."""
    import duckdb

    base = duckdb.connect(config={"threads": 1})
    base.sql(f"""SET TimeZone = 'UTC';
        CREATE MACRO degrees(text) AS replace(text, ',', '.')::DOUBLE;
        CREATE TABLE cities AS SELECT id::INT AS id, city, degrees(lat) AS lat, degrees(lng) AS lon, timezone
        FROM read_csv('{raw}/geo.csv', delim=';', all_varchar=true) g JOIN read_csv('{raw}/timezones.csv', delim=';') t USING (city);
        CREATE TABLE raw AS SELECT *, row_number() OVER () AS n FROM read_parquet('{raw}/events/*/*.parquet', hive_partitioning=true);
        CREATE MACRO vector(lat, lon) AS
            [cos(radians(lat)) * cos(radians(lon)), cos(radians(lat)) * sin(radians(lon)), sin(radians(lat))]""")
    base.sql("CREATE MACRO km(a, b, c, d) AS 2 * 6371.0088 * asin(list_distance(vector(a, b), vector(c, d)) / 2)")
    base.sql(f"""
        CREATE TABLE events AS
        WITH near AS (SELECT n, unnest(arg_min(c, km(raw.lat, raw.lon, c.lat, c.lon)))
                      FROM raw, cities c WHERE raw.lat IS NOT NULL GROUP BY n)
        SELECT event_type, date::DATE AS date, CASE event_type WHEN 'message' THEN event.message_from WHEN 'reaction'
               THEN event.reaction_from::BIGINT ELSE event.user::BIGINT END AS user_id,
               CASE event_type WHEN 'message' THEN coalesce(event.message_ts, event.datetime) ELSE event.datetime END::TIMESTAMP AS time,
               raw.lat, raw.lon, near.id AS city_id, near.city, near.timezone, event.media.media_type, event.media.src,
               {", ".join(f"event.{name}" for name in FIELDS)}
        FROM raw LEFT JOIN near USING (n)""")
    return base


@pytest.fixture(scope="session")
def marts(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A lake; `moved` is what the mover said, `duck` the same files in DuckDB."""
    from apps.conftest import Yard

    raw = Path(urlparse(spark.conf.get("spark.hadoop.fs.viewfs.mounttable.raw.linkFallback")).path) / "marts"
    yard = Yard(spark, tmp_path_factory.mktemp("marts") / "lake", raw)
    put(raw)
    yard.moved = move(yard, *ALL)
    yard.duck = duck(raw)
    return yard


def in_order(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=repr)
