"""The command that starts Spark here: Java itself, without Spark's launcher, which is a Java process too."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sparkyard.errors import ToolMissing
from sparkyard.local.cds import QUICK_START
from sparkyard.local.java import Java
from sparkyard.local.plan import Plan
from sparkyard.names import RUN_ID_ENV, SUMMARY_ENV
from sparkyard.project import ROOT, load_versions

OPENED = (
    *("java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util", "java.util.concurrent"),
    *("java.util.concurrent.atomic", "jdk.internal.ref", "sun.nio.ch", "sun.nio.cs", "sun.security.action", "sun.util.calendar"),
)
# What Spark's launcher would add; it is left out because it is a Java process of its own, started to print this.
MODULE_OPTIONS = [
    *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED),
    "--add-opens=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
    "-Djdk.reflect.useDirectMethodHandle=false",
    "-Dio.netty.tryReflectionSetAccessible=true",
]
FOREIGN_ENV = ("SPARK_CONF_DIR", "SPARK_REMOTE", "SPARK_MODE", "PYSPARK_SUBMIT_ARGS", "PYSPARK_DRIVER_PYTHON", "HADOOP_CONF_DIR")


def find_spark() -> Path:
    spec = importlib.util.find_spec("pyspark")
    if not spec or not spec.submodule_search_locations:
        raise ToolMissing("pyspark is not installed for this Python", next_command='pip install "sparkyard[local]"')
    return Path(spec.submodule_search_locations[0])


def find_jars(spark: Path) -> list[Path]:
    """Spark's own jars and those that the lock adds for this machine, always in the same order."""
    return [*sorted(spark.glob("jars/*.jar")), *find_added_jars()]


def find_added_jars() -> list[Path]:
    command = [sys.executable, str(ROOT / "scripts/images/jars.py"), "--set", "local"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ToolMissing(f"jars cannot be had: {done.stderr.strip()}", next_command=f"{sys.executable} scripts/images/jars.py --set local")
    return [Path(line) for line in done.stdout.split()]


def make_command(java: Java, plan: Plan, jars: Sequence[Path], conf: dict[str, str], scratch: Path, archive: list[str]) -> list[str]:
    front = [path for path in conf.get("spark.driver.extraClassPath", "").split(":") if path]
    added = ":".join(str(jar) for jar in jars if find_spark() not in jar.parents)
    extra = {} if plan.master.startswith("local[") else {"spark.executor.extraClassPath": added}
    return [
        *(java.path, f"-Xmx{plan.heap}m", *QUICK_START, *archive, *MODULE_OPTIONS),
        *("-XX:+ExitOnOutOfMemoryError", "-XX:-UsePerfData", f"-Djava.io.tmpdir={scratch}", *plan.java_options),
        *("-cp", ":".join([*front, *map(str, jars)]), "org.apache.spark.deploy.SparkSubmit"),
        *("--master", plan.master, "--name", plan.job),
        *(word for key, value in (conf | extra).items() for word in ("--conf", f"{key}={value}")),
        *(*plan.submit_options, plan.app, *plan.arguments),
    ]


def make_spark_home(folder: Path) -> Path:
    """Spark's programs and jars without its zipped Python, so that the installed pyspark is taken, which is the same: out of a zip each
    process compiles it anew, and a worker reads the zip's directory before every task."""
    home = folder / "spark"
    home.mkdir()
    for part in ("bin", "jars"):
        (home / part).symlink_to(find_spark() / part)
    return home


def make_environment(plan: Plan, app_root: Path, scratch: Path, run_id: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in FOREIGN_ENV}
    return {
        **inherited,
        "PYTHONPATH": str(app_root),
        **plan.env,
        "SPARK_HOME": str(make_spark_home(scratch)),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_SCALA_VERSION": load_versions()["SCALA_VERSION"],  # asked for by executors that are processes
        "PYSPARK_PYTHON": sys.executable,
        "COLUMNS": "100",
        "LC_ALL": "C.UTF-8",  # in another encoding, Java does not see files whose names it cannot spell
        "TMPDIR": str(scratch),
        RUN_ID_ENV: run_id,
        SUMMARY_ENV: str(scratch / "summary.json"),
    }
