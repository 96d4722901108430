"""Moved events against the same files in DuckDB, cell by cell; days that are missing, changed or broken; distances."""

import math
import random
import shutil
from collections import Counter
from datetime import date
from typing import Any

import pytest
from apps.marts.conftest import ALL, FIELDS, in_order, move, put

import jobkit
import martkit
from marts import friends, mover, users, zones
from sparkyard.samples import marts as sample

pytestmark = pytest.mark.java
THREE = ("--date", "2022-03-09", "--depth", "2")


def test_every_cell_equals_the_files(marts: Any) -> None:
    columns = ["event_type", "date", "user_id", "lat", "lon", "city_id", "city", "timezone", "media_type", "src", *FIELDS]
    found = [tuple(row) for row in marts.spark.table(martkit.EVENTS).selectExpr("unix_micros(time)", *columns).collect()]
    expected = marts.duck.sql(f"SELECT epoch_us(time), {', '.join(columns)} FROM events").fetchall()
    assert in_order(found) == in_order(expected)
    assert marts.moved["rows"] == {"read": len(expected), "rejected": 0, "written": len(expected)}


def test_moved_again_nothing_is_written(marts: Any) -> None:
    before = marts.snapshots()
    again = move(marts, *ALL)
    assert marts.snapshots() == before
    assert (again["facts"]["days_new"], again["facts"]["days_known"]) == (0, sample.DAYS)


def test_broken_rows_are_kept_with_their_reason_and_too_many_fail(yard: Any) -> None:
    put(yard.raw, days=3, broken=0.3)
    with pytest.raises(jobkit.InputError, match=r"rows rejected .* more than the 1.00% of --max-rejected"):
        move(yard, *THREE)
    assert yard.rows(martkit.EVENTS) == []
    result = move(yard, *THREE, "--max-rejected", "0.4")
    total = result["rows"]["read"]
    assert result["rows"]["rejected"] == pytest.approx(0.3 * total, abs=2)
    assert result["rows"]["written"] == total - result["rows"]["rejected"] == len(yard.rows(martkit.EVENTS, "user_id"))
    reasons = Counter(reason for (reason,) in yard.rows(mover.QUARANTINE, "reason"))
    assert reasons == result["facts"]["rejected_because"]
    assert len(reasons) == 5
    assert all("unit-0001.parquet" in file for (file,) in yard.rows(mover.QUARANTINE, "source_file"))


def test_a_day_of_many_files_becomes_one_a_kind(yard: Any) -> None:
    """Tasks share a day's files; each would write files of its own."""
    put(yard.raw, days=3)
    for file in [*yard.raw.glob("events/*/*.parquet")]:
        for copy in range(8):
            shutil.copy(file, file.with_name(f"copy-{copy}.parquet"))
    move(yard, *THREE)
    kinds = yard.spark.table(martkit.EVENTS).select("event_type", "date").distinct().count()
    assert yard.spark.table(f"{martkit.EVENTS}.files").count() == kinds == 9


def test_a_changed_day_is_made_anew_and_missing_ones_are_told(yard: Any, capsys: pytest.CaptureFixture[str]) -> None:
    put(yard.raw, days=3)
    (yard.raw / "events/date=2022-03-08/unit-0001.parquet").unlink()
    result = move(yard, "--date", "2022-03-11", "--depth", "5")
    assert result["facts"]["missing"] == "2022-03-06, 2022-03-08, 2022-03-10 to 2022-03-11"
    assert "WARNING: 4 of 6 days are not in" in capsys.readouterr().out
    seventh = [row for row in yard.rows(martkit.EVENTS, "date", "user_id") if row[0] == date(2022, 3, 7)]
    put(yard.raw, days=3, seed=1)
    (yard.raw / "events/date=2022-03-07/unit-0001.parquet").unlink()
    result = move(yard, *THREE)
    assert result["facts"]["days_new"] == 2
    counts = Counter(day for (day,) in yard.rows(martkit.EVENTS, "date"))
    assert counts[date(2022, 3, 7)] == len(seventh), "its files are gone, and raw is never forgotten by mistake"
    assert counts[date(2022, 3, 8)] + counts[date(2022, 3, 9)] == result["rows"]["written"]
    with pytest.raises(jobkit.InputError, match=r"none of the 3 days asked for is there, 2022-04-08 to 2022-04-10"):
        move(yard, "--date", "2022-04-10", "--depth", "2")
    with pytest.raises(jobkit.InputError, match=r"none of the 1 days asked for is there, 2022-04-10"):
        users.main(["--date", "2022-04-10", "--depth", "0"], yard.spark)
    (yard.raw / "events/date=2022-03-09/torn.parquet").write_bytes(b"PAR1 torn PAR1")
    with pytest.raises(jobkit.InputError, match=r"torn.parquet cannot be read"):
        move(yard, *THREE)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("geo.csv", "city;lat;lng\nX;1,0;2,0\n", "without id"),
        ("geo.csv", "id;city;lat;lng\n1;Sydney;1,0,0;2,0\n", "could not convert"),
        ("timezones.csv", "city;timezone\nSydney;Australia/Sydney\n", "no time zone for Melbourne"),
    ],
)
def test_cities_that_are_none_are_told(yard: Any, file: str, content: str, said: str) -> None:
    put(yard.raw, days=1)
    (yard.raw / file).write_text(content)
    with pytest.raises(jobkit.InputError, match=said):
        move(yard, *THREE)


@pytest.mark.parametrize("app", [mover, users, zones, friends])
@pytest.mark.parametrize(
    "wrong",
    [
        ("--date", "2014-12-31"),
        ("--date", "20220101"),
        ("--date", "2999-01-01"),
        ("--date", "2022-02-30"),
        ("--depth", "151"),
        ("--depth", "-1"),
    ],
)
def test_wrong_arguments_are_named_before_anything_starts(app: Any, wrong: tuple[str, str]) -> None:
    needed = ["--input", "x", "--geo", "x", "--timezones", "x"] if app is mover else []
    with pytest.raises(jobkit.UsageError, match=wrong[0]):
        app.main([*needed, *wrong], None)


def test_distances_are_right(spark: Any) -> None:
    """Against the angle between two vectors, and against what the sphere's size says by itself."""
    chance = random.Random(5)
    pairs = [tuple(chance.uniform(-limit, limit) for limit in (90, 180, 90, 180)) for _ in range(300)]
    pairs += [(-33.8, 151.2, -33.8 + chance.uniform(-1e-2, 1e-2), 151.2 + chance.uniform(-1e-2, 1e-2)) for _ in range(100)]
    pairs += [(0.0, 0.0, 90.0, 0.0), (0.0, 0.0, 0.0, 180.0), (45.0, 10.0, -45.0, -170.0), (-33.8, 151.2, -33.8, 151.2)]
    places = spark.createDataFrame(pairs, "a DOUBLE, b DOUBLE, c DOUBLE, d DOUBLE")
    found = [row.km for row in places.select(martkit.distance(places.a, places.b, places.c, places.d).alias("km")).collect()]
    assert found == pytest.approx([by_vectors(*pair) for pair in pairs], abs=1e-4)
    assert found[-4:] == pytest.approx([10_007.557, 20_015.115, 20_015.115, 0.0], abs=0.5)


def by_vectors(a: float, b: float, c: float, d: float) -> float:
    one, other = vector(a, b), vector(c, d)
    cross = [one[1] * other[2] - one[2] * other[1], one[2] * other[0] - one[0] * other[2], one[0] * other[1] - one[1] * other[0]]
    return martkit.EARTH * math.atan2(math.hypot(*cross), sum(x * y for x, y in zip(one, other, strict=True)))


def vector(lat: float, lon: float) -> tuple[float, float, float]:
    lat, lon = math.radians(lat), math.radians(lon)
    return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)
