"""The real files of the trace, landed once for all tests."""

import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
from apps.trace import kit


def make_yard(spark: Any, tmp_path_factory: pytest.TempPathFactory, name: str) -> Any:
    from apps.conftest import Yard

    raw = Path(urlparse(spark.conf.get("spark.hadoop.fs.viewfs.mounttable.raw.linkFallback")).path) / f"trace-{name}"
    return Yard(spark, tmp_path_factory.mktemp("trace") / "lake", raw)


@pytest.fixture(scope="session")
def real(spark: Any, real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A lake that holds the real files; `landed` is what landing them said."""
    yard = make_yard(spark, tmp_path_factory, "real")
    yard.raw.mkdir()
    for folder in ("machine_events", "job_events", "task_events"):
        (yard.raw / folder).symlink_to(real_data / "google-cluster-trace-2011" / folder)
    yard.landed = kit.land(yard)
    return yard


@pytest.fixture(scope="session")
def lakes(request: pytest.FixtureRequest, spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], kit.Lake]:
    """`real` files, `made` ones as the sample makes them, `wild` ones, and the same wild lines `shuffled` over other files."""

    @cache
    def get(name: str) -> kit.Lake:
        if name == "real":
            return kit.Lake(request.getfixturevalue("real"), request.getfixturevalue("real_data") / "google-cluster-trace-2011")
        yard = make_yard(spark, tmp_path_factory, name)
        fill(yard, name)
        kit.land(yard)
        return kit.Lake(yard, yard.raw)

    return get


def fill(yard: Any, name: str) -> None:
    if name == "made":
        from sparkyard.samples.trace import make_files

        for path, content in make_files(0.02):
            (yard.raw / path).parent.mkdir(parents=True, exist_ok=True)
            (yard.raw / path).write_bytes(content)
        return
    for folder, lines in kit.make_wild(seed=2011).items():
        parts = 2 if name == "wild" else 3
        ordered = lines if name == "wild" else random.Random(5).sample(lines, len(lines))
        for part in range(parts):
            kit.put(yard, folder, f"part-{part}", ordered[part::parts])
