"""The jobs use nothing that Spark Connect lacks: proved over a Connect server, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sparkyard.local.catalog import ensure_catalog
from sparkyard.local.cds import QUICK_START
from sparkyard.local.conf import make_local_conf
from sparkyard.local.home import ensure_home
from sparkyard.local.launch import find_added_jars
from sparkyard.project import ROOT

pytest.importorskip("grpc", reason="no client of Spark Connect: uv sync --group connect")
pytestmark = pytest.mark.java
SCRIPT = """
import json, sys
from pyspark.sql import SparkSession
builder = SparkSession.builder.remote("local[2]")
for key, value in json.loads(sys.argv[1]).items():
    builder = builder.config(key, value)
spark = builder.getOrCreate()
assert "connect" in type(spark).__module__
from hello import hello
from events import windows
hello.main([], spark)
for _ in range(2):
    windows.main(["--input", "s3a://raw/events/"], spark)
"""


def test_every_job_over_connect(tmp_path: Path) -> None:
    home = ensure_home(tmp_path / "home")
    ensure_catalog(home)
    (home / "raw/events").mkdir()
    (home / "raw/events/a.csv").write_text(
        "time,action\n2016-07-26T02:45:07.000Z,Open\n2016-07-26T02:45:08.000Z,Close\nbroken\n"
        + "\n".join(["2016-07-26T02:55:00.000Z,Open"] * 30)
    )
    conf = make_local_conf(home, tmp_path) | {"spark.driver.extraClassPath": ":".join(map(str, find_added_jars()))}
    conf |= {"spark.driver.extraJavaOptions": " ".join(QUICK_START), "spark.ui.showConsoleProgress": "false"}
    env = os.environ | {"PYTHONPATH": str(ROOT / "spark_apps"), "SPARK_LOCAL_IP": "127.0.0.1", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", SCRIPT, json.dumps(conf)]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    results = [json.loads(line.removeprefix("RESULT ")) for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert [result["status"] for result in results] == ["ok", "ok", "ok"], done.stderr[-3000:]
    assert results[1]["rows"] == {"read": 33, "rejected": 1, "written": 32}
    assert results[1]["facts"]["windows"] == 2
    assert results[2]["rows"]["read"] == 0
