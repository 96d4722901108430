"""The archive of classes is made by a first run and used by the next."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from sparkyard.local import cds
from sparkyard.local.home import cache_dir
from sparkyard.local.java import find_java
from sparkyard.local.launch import find_jars, find_spark

pytestmark = pytest.mark.java


def test_a_second_run_takes_its_classes_from_the_archive(shell: Any, windows_manifest: str) -> None:
    archive = cds.archive_path(cache_dir(), find_java(), find_jars(find_spark()))
    if not archive.exists():
        shell.run_ok("sample", "events", "--scale", "0.01", "--out", ".sparkyard/raw/events")
        shell.run_ok("run", windows_manifest)
    deadline = time.monotonic() + 300
    while not archive.exists():
        assert time.monotonic() < deadline, f"{archive} is not made"
        time.sleep(1)
    manifest = Path(shell.app("plain", "from pyspark.sql import SparkSession; SparkSession.builder.getOrCreate().range(9).count()"))
    loaded = shell.folder / "loaded"
    manifest.write_text(manifest.read_text().replace("driver: {", f"driver: {{javaOptions: '-Xlog:class+load:file={loaded}', "))
    shell.run_ok("run", str(manifest))
    sources = re.findall(
        r"source: (shared|file:|jrt:)", loaded.read_text()
    )  # the rest, lambdas, is made at run time and cannot be archived
    assert len(sources) > 5_000
    assert sources.count("shared") / len(sources) > 0.95
