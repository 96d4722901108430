"""`sparkyard sql` against `spark-sql` on one lake: seconds from the start of a command to its answer, in pairs, and the highest memory."""

import csv
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sparkyard.local import launch
from sparkyard.local.conf import make_lake_conf

EVENTS = "yard.trusted.marts_mover"
QUERIES = (
    f"SELECT event_type, count(*) AS events FROM {EVENTS} GROUP BY event_type ORDER BY event_type",
    f"SELECT city, count(DISTINCT user_id) AS people FROM {EVENTS} WHERE city IS NOT NULL GROUP BY city ORDER BY people DESC, city LIMIT 5",
    f"SELECT count(*) AS events, count(DISTINCT city) AS cities FROM {EVENTS} WHERE event_type = 'message' AND lat > -35",
)


class Answer(NamedTuple):
    seconds: float
    mib: float
    rows: list[list[str]]


def make_commands(home: Path, query: str) -> dict[str, list[str]]:
    """Theirs with the lake's catalog and Spark's own defaults."""
    conf = make_lake_conf(home) | {"spark.driver.extraClassPath": ":".join(map(str, launch.find_added_jars()))}
    words = [word for key, value in conf.items() for word in ("--conf", f"{key}={value}")]
    theirs = [str(launch.find_spark() / "bin" / "spark-sql"), "--master", f"local[{os.cpu_count()}]", *words, "-S", "-e", query]
    yard = str(Path(sys.executable).with_name("sparkyard"))
    return {"spark-sql": theirs, "sparkyard sql": [yard, "sql", query, "--home", str(home), "--format", "csv"]}


def run(command: Sequence[str], delimiter: str) -> Answer:
    environment = {name: value for name, value in os.environ.items() if name not in launch.FOREIGN_ENV} | {"SPARK_LOCAL_IP": "127.0.0.1"}
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as log:
        begin = time.monotonic()
        process = subprocess.Popen(command, cwd=scratch, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        seconds, process.returncode = time.monotonic() - begin, os.waitstatus_to_exitcode(status)
        for file in (said, log):
            file.seek(0)
        if process.returncode:
            sys.exit(f"{command[0]} ended with {process.returncode}:\n{log.read()[-3000:]}")
        return Answer(seconds, usage.ru_maxrss / 1024, list(csv.reader(io.StringIO(said.read()), delimiter=delimiter)))


def compare_first_answers(home: Path, pairs: int) -> None:
    ratios = []
    for query in QUERIES:
        for pair in range(pairs):
            commands = make_commands(home, query)
            found = {side: run(commands[side], "\t" if side == "spark-sql" else ",") for side in sorted(commands, reverse=bool(pair % 2))}
            ours, theirs = found["sparkyard sql"], found["spark-sql"]
            if ours.rows[1:] != theirs.rows:
                sys.exit(f"{query}: sparkyard sql and spark-sql differ: {ours.rows[1:]} against {theirs.rows}")
            ratios.append(ours.seconds / theirs.seconds)
            told = "  ".join(f"{side} {answer.seconds:6.2f} s {answer.mib:5.0f} MiB" for side, answer in found.items())
            print(f"first answer: {told}  ratio {ratios[-1]:.3f}", flush=True)
    print(f"first answer, sparkyard sql / spark-sql: median {statistics.median(ratios):.3f} of {len(ratios)} pairs (goal: 0.2)")
