"""The sample of weather stations, landed without the late file and then with it; what the same lines say in plain Python."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest

from sparkyard.samples import sensors as sample

NAMES = {bool: "flag", int: "number", float: "number", str: "text", list: "list", dict: "object", type(None): "nothing"}


def land(yard: Any, *args: str) -> dict[str, Any]:
    from sensors import land

    return land.main(["--input", yard.uri, *args], yard.spark)


def list_values(raw: Path) -> list[tuple[Any, ...]]:
    """sensor, time, parameter, type, value: of every line of every file."""
    rows = []
    for file in raw.rglob("*.json"):
        for said in map(json.loads, file.read_text().splitlines()):
            head = (said.pop("sensor"), said.pop("time"))
            rows += [(*head, name, NAMES[type(value)], value) for name, value in said.items()]
    return rows


@pytest.fixture(scope="session")
def stations(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A lake; `early` is the catalogue before the late file came, `told` what was said of the last one."""
    from apps.conftest import Yard

    from sensors import catalogue

    raw = Path(urlparse(spark.conf.get("spark.hadoop.fs.viewfs.mounttable.raw.linkFallback")).path) / "sensors"
    yard = Yard(spark, tmp_path_factory.mktemp("sensors") / "lake", raw)
    files = dict(sample.make_files(0.03))
    for name in sorted(files, key=lambda name: "late" in name):
        if "late" in name:
            land(yard)
            catalogue.main([], yard.spark)
            yard.early = yard.rows(catalogue.TABLE, "version", "first_date", "known")
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_bytes(files[name])
    yard.landed, yard.told = land(yard), catalogue.main([], yard.spark)
    return yard
