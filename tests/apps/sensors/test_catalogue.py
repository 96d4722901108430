"""Versions of the schema against plain Python; a file that comes late dates them right."""

from datetime import date, timedelta
from typing import Any

import pytest
from apps.sensors.conftest import list_values

from sensors import catalogue
from sparkyard.samples import sensors as sample

pytestmark = pytest.mark.java


def on(day: int) -> date:
    return sample.FIRST + timedelta(day)


def test_every_cell_equals_plain_python(stations: Any) -> None:
    seen: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for sensor, time, name, kind, _ in list_values(stations.raw):
        if kind != "nothing":
            seen.setdefault((name, kind), []).append((time[:10], sensor))
    firsts = sorted({min(of)[0] for of in seen.values()})
    expected = sorted(
        (*key, 1 + firsts.index(min(of)[0]), min(of)[0], max(of)[0], len(of), len({sensor for _, sensor in of})) for key, of in seen.items()
    )
    parameters = stations.rows(catalogue.PARAMETERS)
    assert [(*row[:3], f"{row[3]}", f"{row[4]}", *row[5:]) for row in parameters] == expected
    versions = stations.spark.table(catalogue.TABLE).orderBy("version").collect()
    assert [row.version for row in versions] == list(range(1, len(firsts) + 1))
    assert [f"{row.first_date}" for row in versions] == firsts
    for row in versions:
        known = sorted(f"{name} {kind}" for (name, kind), of in seen.items() if min(of)[0] <= f"{row.first_date}")
        assert (row.schema, row.known) == (known, len(known))


def test_what_comes_unannounced_changes_its_type_or_comes_late_has_its_day(stations: Any) -> None:
    firsts = {(name, kind): first for name, kind, _, first, *_ in stations.rows(catalogue.PARAMETERS)}
    assert firsts["co2", "number"] == on(sample.TIMES["co2"]), "before, it was null"
    assert (firsts["temperature", "number"], firsts["temperature", "text"]) == (on(0), on(14))
    assert firsts["Humidity", "number"] == on(sample.TIMES["Humidity"])
    assert (firsts["battery", "text"], firsts["battery", "flag"]) == (on(sample.TIMES["battery"]), on(sample.TIMES["battery"] + 1))
    assert firsts["pressure", "number"] == on(sample.LATE), "in the file that came last"
    early = {first for _, first, _ in stations.early}
    assert on(sample.TIMES["pressure"]) in early
    assert on(sample.LATE) not in early
    assert stations.told["facts"]["of_several_types"] == {"battery": ["flag", "text"], "temperature": ["number", "text"]}


def test_asked_again_nothing_is_written(stations: Any) -> None:
    before = stations.snapshots()
    assert "nothing_new" in catalogue.main([], stations.spark)["facts"]
    assert stations.snapshots() == before
