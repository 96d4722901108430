"""Cities of the marts: their centres, their time zones, and which is the nearest."""

from collections.abc import Sequence
from typing import NamedTuple

from pyspark.errors import AnalysisException
from pyspark.sql import Column, Row, SparkSession
from pyspark.sql import functions as F

import jobkit
import martkit


class City(NamedTuple):
    id: int
    name: str
    lat: float
    lon: float
    timezone: str


def nearest(cities: Sequence[City]) -> Column:
    """The city with the least distance; of equal ones that with the lower number."""
    lat, lon = F.col("lat"), F.col("lon")
    ranked = [
        F.struct(
            martkit.haversine(lat, lon, F.lit(city.lat), F.lit(city.lon)).alias("far"),
            F.lit(city.id).alias("city_id"),
            F.lit(city.name).alias("city"),
            F.lit(city.timezone).alias("timezone"),
        )
        for city in cities
    ]
    return F.when(lat.isNotNull(), F.least(*ranked) if len(ranked) > 1 else ranked[0])


def read_cities(spark: SparkSession, geo: str, timezones: str) -> list[City]:
    zones = {row.city: row.timezone for row in read_table(spark, timezones, "city;timezone")}
    rows = read_table(spark, geo, "id;city;lat;lng")
    if missing := [row.city for row in rows if row.city not in zones]:
        raise jobkit.InputError(f"{timezones}: no time zone for {', '.join(missing)}")
    try:
        cities = [City(int(row.id), row.city, degrees(row.lat), degrees(row.lng), zones[row.city]) for row in rows]
    except ValueError as error:
        raise jobkit.InputError(f"{geo}: {error}") from error
    return sorted(cities)


def read_table(spark: SparkSession, path: str, header: str) -> list[Row]:
    try:
        rows = spark.read.csv(path, sep=";", header=True)
    except AnalysisException as error:
        raise jobkit.InputError(f"{path}: {jobkit.explain(error)}") from error
    found = rows.toDF(*(name.strip("\ufeff ").lower() for name in rows.columns))
    if missing := set(header.split(";")) - set(found.columns):
        raise jobkit.InputError(f"{path}: expected the columns {header}, without {', '.join(sorted(missing))}")
    return found.where(" AND ".join(f"{name} IS NOT NULL" for name in header.split(";"))).collect()


def degrees(text: str) -> float:
    return float(text.replace(",", "."))
