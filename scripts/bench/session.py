"""A session of this machine with a lake of its own, as a local run would have it; and what is done in it, timed or without a word."""

import contextlib
import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from sparkyard.local.catalog import ensure_catalog
from sparkyard.local.conf import make_local_conf
from sparkyard.local.home import ensure_home
from sparkyard.local.launch import find_added_jars
from sparkyard.project import ROOT


def start(home: Path, memory: str) -> SparkSession:
    ensure_catalog(ensure_home(home))
    os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(ROOT / "spark_apps")}
    conf = make_local_conf(home, home / "tmp") | {"spark.driver.memory": memory, "spark.ui.showConsoleProgress": "false"}
    conf |= {"spark.driver.extraClassPath": ":".join(map(str, find_added_jars()))}
    builder: Any = SparkSession.builder.master(f"local[{os.cpu_count()}]").appName("bench")
    for key, value in conf.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session  # type: ignore[no-any-return]


def timed(deed: Callable[[], Any]) -> float:
    begin = time.monotonic()
    deed()
    return time.monotonic() - begin


def quietly(deed: Callable[[], Any]) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        return deed()
