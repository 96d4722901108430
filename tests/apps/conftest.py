"""One Spark for all job tests; a lake of its own for each."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "spark_apps"))


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from pyspark.sql import SparkSession

    from sparkyard.local.cds import QUICK_START
    from sparkyard.local.conf import make_local_conf
    from sparkyard.local.home import ensure_home
    from sparkyard.local.launch import find_added_jars, make_spark_home

    home = ensure_home(tmp_path_factory.mktemp("home"))
    os.environ["SPARK_HOME"] = str(make_spark_home(tmp_path_factory.mktemp("spark")))
    os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(ROOT / "spark_apps")}
    builder = SparkSession.builder.master("local[2]").appName("tests")
    conf = make_local_conf(home, home / "tmp") | {"spark.ui.showConsoleProgress": "false", "spark.driver.memory": "2g"}
    conf |= {"spark.driver.extraClassPath": ":".join(map(str, find_added_jars()))}
    conf |= {"spark.driver.extraJavaOptions": " ".join(QUICK_START)}
    # Where in Python each column was made, for the text of an error: no test reads it, and it is most of what a column costs.
    conf |= {"spark.python.sql.dataFrameDebugging.enabled": "false"}
    for key, value in conf.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture
def sleep_as(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """How a module sleeps, by default not at all: this module alone. If `time.sleep` itself returned at once, a thread of Py4J
    that looks once a second for work would take a whole processor until the test ends."""

    def replace(module: ModuleType, sleep: Callable[[float], Any] = lambda seconds: None) -> None:
        monkeypatch.setattr(module, "time", SimpleNamespace(**{**vars(time), "sleep": sleep}))

    return replace


class Yard:
    """A lake of one test: a session whose catalog is empty, and a folder of raw files."""

    def __init__(self, spark: Any, home: Path, raw: Path) -> None:
        from sparkyard.local.catalog import ensure_catalog

        home.mkdir()
        ensure_catalog(home)
        self.spark, self.home, self.raw = spark.newSession(), home, raw
        self.uri = f"s3a://raw/{raw.name}/"
        self.share(self)

    def share(self, other: "Yard") -> None:
        """Use the lake of another."""
        from sparkyard.local.conf import make_lake_conf

        for key, value in make_lake_conf(other.home).items():
            if key.startswith("spark.sql.catalog"):
                self.spark.conf.set(key, value)

    def put(self, name: str, *lines: str, header: str = "time,action") -> Path:
        self.raw.mkdir(parents=True, exist_ok=True)
        file = self.raw / name
        file.write_text("\n".join([*([header] if header else []), *lines, ""]))
        return file

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        frame = self.spark.table(table)
        return sorted(tuple(row) for row in (frame.select(*columns) if columns else frame).collect())

    def snapshots(self) -> int:
        zones = [row.namespace for row in self.spark.sql("SHOW NAMESPACES IN yard").collect()]
        tables = [table for zone in zones if zone != "raw" for table in self.spark.sql(f"SHOW TABLES IN yard.{zone}").collect()]
        return sum(self.spark.table(f"yard.{table.namespace}.{table.tableName}.snapshots").count() for table in tables)


@pytest.fixture
def make_yard(spark: Any, tmp_path: Path) -> Callable[[], Yard]:
    from urllib.parse import urlparse

    raw = Path(urlparse(spark.conf.get("spark.hadoop.fs.viewfs.mounttable.raw.linkFallback")).path)
    made: list[Yard] = []

    def make() -> Yard:
        made.append(Yard(spark, tmp_path / f"lake{len(made)}", raw / f"{tmp_path.name}-{len(made)}"))
        return made[-1]

    return make


@pytest.fixture
def yard(make_yard: Callable[[], Yard]) -> Yard:
    return make_yard()
