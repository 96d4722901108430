"""The real files of the trace, landed once for all tests."""

from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
from apps.trace import kit


@pytest.fixture(scope="session")
def real(spark: Any, real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A lake that holds the real files; `facts` is what landing them said."""
    from apps.conftest import Yard

    raw = Path(urlparse(spark.conf.get("spark.hadoop.fs.viewfs.mounttable.raw.linkFallback")).path) / "trace-real"
    yard = Yard(spark, tmp_path_factory.mktemp("trace") / "lake", raw)
    raw.mkdir()
    for folder in ("machine_events", "job_events", "task_events"):
        (raw / folder).symlink_to(real_data / "google-cluster-trace-2011" / folder)
    yard.landed = kit.land(yard)
    return yard


@pytest.fixture(scope="session")
def raw_trace(real_data: Path) -> Any:
    """The same files in DuckDB, which the jobs know nothing of."""
    return kit.duck(real_data / "google-cluster-trace-2011")
