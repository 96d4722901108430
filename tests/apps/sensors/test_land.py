"""Every value of every line is there, as plain Python reads it, whatever its parameter and type; what is no reading has its reason."""

import json
from collections import Counter
from typing import Any

import pytest
from apps.sensors.conftest import land, list_values

import jobgroups
import jobkit
import sensorkit
from sensors import land as app

pytestmark = pytest.mark.java


def as_python(value: str | None, kind: str) -> Any:
    return value if kind in ("text", "nothing") else json.loads(value or "")


def test_every_value_equals_the_files(stations: Any) -> None:
    time = "date_format(time, \"yyyy-MM-dd'T'HH:mm:ss'Z'\")"
    rows = stations.spark.table(sensorkit.READINGS).selectExpr("sensor", time, "parameter", "type", "value", "number", "date").collect()
    found = [(*row[:4], as_python(row.value, row.type)) for row in rows]
    expected = list_values(stations.raw)
    assert sorted(found, key=repr) == sorted(expected, key=repr)
    assert all(row.number == float(row.value) for row in rows if row.type == "number" or row.parameter == "temperature")
    assert all(row.number is None for row in rows if row.parameter in ("wind", "battery"))
    assert all(f"{row.date}" == row[1][:10] for row in rows)
    assert stations.landed["rows"] == {"read": 50, "rejected": 0, "written": sum(1 for row in rows if f"{row.date}" == "2024-05-13")}


def test_landed_again_nothing_is_written(stations: Any) -> None:
    before = stations.snapshots()
    assert land(stations)["facts"] == {"files_new": 0, "files_known": 30}
    assert stations.snapshots() == before


def test_a_line_is_a_reading_or_has_its_reason(yard: Any) -> None:
    head = '"sensor": "s", "time": "2024-05-01T00:00:00Z"'
    bad = {
        "": "blank line",
        f"{{{head}, ": "no JSON, or a name twice in it",
        f'{{{head}, "a": 1, "a": 2}}': "no JSON, or a name twice in it",
        "[1, 2]": "no object",
        '{"time": "2024-05-01T00:00:00Z", "a": 1}': "no sensor",
        '{"sensor": " ", "time": "2024-05-01T00:00:00Z", "a": 1}': "no sensor",
        '{"sensor": "s", "time": "2024-05-32T00:00:00Z", "a": 1}': "time is no time",
        '{"sensor": "s", "time": 1714521600, "a": 1}': "time is no time",
        '{"sensor": "s", "time": "1970-01-01T00:00:00Z", "a": 1}': "time is before 2000-01-01",
        '{"sensor": "s", "time": "2999-01-01T00:00:00Z", "a": 1}': "time is after that of its file",
        f"{{{head}}}": "no parameter",
    }
    values = {"a": 12345678901234567890, "A": 0.1, "é ü": "1e3", "b": "NaN", "c": None, "d": [1, None], "e": False, "f": {"g": 1}, "h": ""}
    yard.put("new.json", f"{{{head}, {json.dumps(values, ensure_ascii=False)[1:]}", *bad, header="")
    with pytest.raises(jobkit.InputError, match=r"11 of 12 rows rejected"):
        land(yard)
    assert yard.rows(sensorkit.READINGS) == []
    assert dict(yard.rows(app.QUARANTINE, "line", "reason")) == bad
    result = land(yard, "--max-rejected", "0.95")
    assert result["rows"] == {"read": 12, "rejected": 11, "written": len(values)}
    found = yard.rows(sensorkit.READINGS, "parameter", "type", "value", "number")
    assert {name: as_python(value, kind) for name, kind, value, _ in found} == values
    assert Counter(kind for _, kind, *_ in found) == Counter(number=2, text=3, nothing=1, list=1, flag=1, object=1)
    numbers = {name: number for name, *_, number in found if number is not None}
    assert numbers == {"a": 12345678901234567890.0, "A": 0.1, "é ü": 1000.0}
    yard.put("new.json", f'{{{head}, "a": "corrected"}}', header="")
    for number in range(20):
        yard.put(f"{number}.json", f'{{{head}, "a": {number}}}', header="")
    land(yard)
    assert yard.rows(sensorkit.READINGS, "parameter", "value") == sorted(("a", value) for value in ["corrected", *map(str, range(20))])
    assert yard.spark.table(f"{sensorkit.READINGS}.files").count() <= jobgroups.GROUPS, "many small files are few of the table"


def test_wrong_arguments_are_named_before_anything_starts() -> None:
    with pytest.raises(jobkit.UsageError, match="--max-rejected"):
        app.main(["--input", "x", "--max-rejected", "2"], None)
    with pytest.raises(jobkit.UsageError, match="--input"):
        app.main([], None)
