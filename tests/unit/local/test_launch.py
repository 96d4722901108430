import subprocess
import sys
from pathlib import Path

import pytest

from sparkyard.local.java import find_java
from sparkyard.local.launch import make_environment
from sparkyard.local.plan import Plan


def test_pyspark_is_not_taken_from_spark_s_zip(tmp_path: Path) -> None:
    plan = Plan("a", "local[1]", 512, "", "a.py", [], [], {}, {}, [])
    environment = make_environment(plan, Path("/apps"), tmp_path, "run")
    spark = Path(environment["SPARK_HOME"])
    assert (spark / "bin/spark-class").is_file()
    assert list(spark.glob("jars/spark-core_*.jar"))
    paths = [str(path) for path in spark.glob("python/lib/*.zip")]  # those Spark puts before all others
    command = [sys.executable, "-c", "import pyspark, py4j; print(pyspark.__cached__, py4j.__cached__)"]
    said = subprocess.run(command, env=environment | {"PYTHONPATH": ":".join(paths)}, capture_output=True, text=True).stdout
    assert said.count(".pyc") == 2


def test_options_that_java_picks_up_are_no_part_of_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    said = 'Picked up JAVA_TOOL_OPTIONS: -Da="17"\nopenjdk version "17.0.1"\nbuild 7\n'
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0, "", said))
    monkeypatch.setattr("sparkyard.local.java.os.access", lambda *_: True)
    monkeypatch.setenv("JAVA_HOME", "/java")
    assert find_java().version == 'openjdk version "17.0.1"\nbuild 7\n'
