"""`sparkyard run` from end to end, and each way in which it fails."""

import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.java


def test_the_main_job_twice(shell: Any, windows_manifest: str) -> None:
    shell.run_ok("sample", "events", "--scale", "0.1", "--broken", "0.01", "--out", ".sparkyard/raw/events")
    record = shell.record(windows_manifest, "--json")
    assert record["state"] == "succeeded"
    assert record["rows"] == {"read": 10_000, "rejected": 100, "written": 9_900}
    assert record["tables"] == [
        "yard.trusted.events_windows_quarantine",
        "yard.trusted.events_windows_events",
        "yard.refined.events_windows",
        "yard.trusted.events_windows_files",
    ]
    assert {"prepare", "start", "session", "write events", "stop", "total"} <= record["times"].keys()
    assert Path(record["links"]["plot"]).read_bytes().startswith(b"\x89PNG")
    assert record["summary"]["run_id"] == record["run_id"]

    shown = shell.run_ok("run", windows_manifest, "--", "--top", "3")
    assert "events-windows succeeded" in shown
    assert "0 read, 0 rejected, 0 written" in shown
    assert len(re.findall(r"^│ 2016", shown, re.M)) == 3

    runs = json.loads(shell.run_ok("runs", "--json"))
    assert [run["state"] for run in runs] == ["succeeded", "succeeded"]
    assert record["run_id"] in shell.run_ok("show", record["run_id"])
    check_tables(shell)


def check_tables(shell: Any) -> None:
    """Read without a JVM, in each format."""
    name = "yard.refined.events_windows"
    assert name in shell.run_ok("table").splitlines()
    as_json = json.loads(shell.run_ok("table", name, "--format", "json", JAVA_HOME="/nowhere"))
    as_csv = shell.run_ok("table", "refined.events_windows", "--format", "csv").splitlines()
    assert as_csv[0] == ",".join(as_json[0])
    assert len(as_csv) == len(as_json) + 1
    assert sum(row["total"] for row in as_json) == 9_900
    assert as_json == sorted(as_json, key=lambda row: row["window_start"])
    assert len(shell.run_ok("table", name, "--limit", "2", "--format", "csv").splitlines()) == 3
    assert shell.run_ok("table", name, "--checksum").startswith(f"{len(as_json)}-")
    unknown = shell.run("table", "yard.refined.nothing")
    assert unknown.returncode == 2
    assert "there are: yard.refined.events_windows, yard.trusted.events_windows_events" in unknown.stderr


def test_a_plain_script_with_arguments_conf_and_environment(shell: Any) -> None:
    manifest = shell.app(
        "plain",
        """\
        import os, sys
        from pyspark.sql import SparkSession
        spark = SparkSession.builder.getOrCreate()
        print(sys.argv[1:], os.environ["GREETING"], spark.conf.get("spark.sql.shuffle.partitions"), spark.range(5).count())
        """,
    )
    text = Path(manifest).read_text().replace("driver: {", "driver: {env: [{name: GREETING, value: hello}], nodeSelector: {disk: ssd}, ")
    conf = "  sparkConf: {spark.sql.shuffle.partitions: '3', spark.kubernetes.executor.label.a: b}\n"
    Path(manifest).write_text(f"{text}  arguments: [one]\n  volumes: [{{name: v}}]\n{conf}")
    done = shell.run("run", manifest, "--json", "--", "two", "--three")
    record = json.loads(done.stdout)
    assert "['one', 'two', '--three'] hello 3 5" in done.stderr
    assert record["state"] == "succeeded"
    assert record["rows"] == {"read": None, "rejected": None, "written": None}
    assert sorted(record["ignored"]) == ["driver.nodeSelector", "sparkConf.spark.kubernetes.executor.label.a", "volumes"]
    assert "local[1], 1 core(s), 512 MiB of heap (driver 400 + 1 × 112)" in done.stderr
    assert not [path for path in shell.folder.iterdir() if path.name not in {".sparkyard", "spark_apps", "plain.yaml"}]


def test_executors_as_processes(shell: Any) -> None:
    manifest = shell.app(
        "apart",
        """\
        from pyspark.sql import SparkSession
        spark = SparkSession.builder.getOrCreate()
        spark.sql("CREATE TABLE yard.t USING iceberg AS SELECT id FROM range(0, 100, 1, 4)")
        print("master", spark.conf.get("spark.master"), spark.table("yard.t").count())
        """,
    )
    text = Path(manifest).read_text().replace("memory: 112m", "memory: 512m")
    Path(manifest).write_text(text)
    small = shell.run("run", manifest, "--executors", "1")
    assert small.returncode == 6
    assert "[INVALID_DRIVER_MEMORY] System memory" in small.stderr
    Path(manifest).write_text(text.replace("memory: 400m", "memory: 512m"))
    done = shell.run("run", manifest, "--executors", "1", "--json")
    assert done.returncode == 0, done.stderr
    assert "master local-cluster[1,1,512] 100" in done.stderr


def test_an_exception_of_the_application(shell: Any) -> None:
    done = shell.run("run", shell.app("broken", "raise RuntimeError('the valve is stuck')"))
    assert done.returncode == 6
    assert done.stderr.splitlines()[-3] == "sparkyard: broken: RuntimeError: the valve is stuck"
    log = Path(done.stderr.splitlines()[-2].removeprefix("Log: "))
    assert "Traceback" in log.read_text()
    with shell.start("show", "last", "--log") as shown:
        assert shown.stdout.read() == log.read_text()
    assert "RuntimeError: the valve is stuck" in shell.run_ok("show", "last")


@pytest.mark.fault
def test_out_of_memory(shell: Any) -> None:
    manifest = shell.app(
        "greedy",
        """\
        from pyspark.sql import SparkSession
        spark = SparkSession.builder.getOrCreate()
        spark.range(50_000_000).selectExpr("collect_list(id)").collect()
        """,
    )
    record = shell.record(manifest, "--json", code=7)
    assert record["state"] == "failed"
    assert record["cause"]["type"] == "OutOfMemory"
    assert "raise spec.driver.memory" in record["cause"]["next"]


def test_missing_input_says_where_it_would_lie(shell: Any, windows_manifest: str) -> None:
    done = shell.run("run", windows_manifest)
    assert done.returncode == 5
    assert "s3a://raw/events/: no such file or folder" in done.stderr
    assert f"Next: ls -l {shell.folder}/.sparkyard/raw/events " in done.stderr


def test_too_many_broken_lines(shell: Any, windows_manifest: str) -> None:
    shell.run_ok("sample", "events", "--scale", "0.01", "--broken", "0.2", "--out", ".sparkyard/raw/events")
    record = shell.record(windows_manifest, "--json", code=5)
    assert record["cause"]["message"].startswith("200 of 1,000 rows rejected (20.00%), more than the 5.00%")
    assert record["rows"] == {"read": 1_000, "rejected": 200, "written": 0}
    rejects = json.loads(shell.run_ok("table", "trusted.events_windows_quarantine", "--format", "json"))
    assert len(rejects) == 200
    assert {row["source_file"] for row in rejects} == {"s3a://raw/events/events-0001.csv"}


def test_a_wrong_job_argument(shell: Any, windows_manifest: str) -> None:
    record = shell.record(windows_manifest, "--json", "--", "--top", "many", code=2)
    assert record["cause"]["message"].startswith("argument --top: many is not a whole number from 1 to 50")


@pytest.mark.fault
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_person_stops_it(shell: Any, number: signal.Signals) -> None:
    manifest = shell.app(
        "slow",
        """\
        import time
        from pyspark.sql import SparkSession
        SparkSession.builder.getOrCreate()
        print("now", flush=True)
        time.sleep(600)
        """,
    )
    process = shell.start("run", manifest, "--json")
    while process.stderr.readline().strip() != "now":
        assert process.poll() is None
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 11
    record = json.loads(out)
    assert record["state"] == "cancelled"
    assert "stopped by hand; its Java process has ended" in err
    assert not java_processes(record["run_id"])


def java_processes(run_id: str) -> list[str]:
    """Processes that still carry the run's id in their environment."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"SPARKYARD_RUN_ID={run_id}".encode() in environ.read_bytes():
                found.append(environ.parent.name)
        except OSError:
            continue
    return found


@pytest.mark.long  # in one process: tests/apps/events
def test_two_runs_at_once_on_one_home(shell: Any, windows_manifest: str) -> None:
    shell.run_ok("sample", "events", "--scale", "0.2", "--out", ".sparkyard/raw/events")
    processes = []
    for _ in range(2):
        processes.append(shell.start("run", windows_manifest, "--json"))
        time.sleep(0.3)
    for process in processes:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    rows = json.loads(shell.run_ok("table", "yard.refined.events_windows", "--format", "json"))
    assert sum(row["total"] for row in rows) == 20_000
    assert len({row["window_start"] for row in rows}) == len(rows)


def test_names_of_files_in_any_locale(shell: Any, windows_manifest: str) -> None:
    raw = shell.folder / ".sparkyard/raw/events"
    raw.mkdir(parents=True)
    (raw / "größe.csv").write_text("time,action\n2016-07-26T02:45:07.000Z,Open\n")
    assert shell.record(windows_manifest, "--json", LC_ALL="C")["rows"]["read"] == 1


def test_no_java(shell: Any, windows_manifest: str, without_java: Callable[[], dict[str, str]]) -> None:
    done = shell.run("run", windows_manifest, **without_java())
    assert done.returncode == 3
    assert "Spark needs Java 17: no java on PATH" in done.stderr
    assert "Next: " in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no such manifest"),
        ("a: [", "is not YAML"),
        ("kind: Pod\napiVersion: v1", ":apiVersion: expected sparkoperator.k8s.io/v1beta2, found v1"),
        ("apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\nmetadata: {name: x}", "spec.mainApplicationFile: is missing"),
    ],
)
def test_a_manifest_that_is_none(shell: Any, text: str | None, said: str) -> None:
    if text:
        (shell.folder / "x.yaml").write_text(text)
    done = shell.run("run", "x.yaml", "--json")
    assert done.returncode == 4
    assert said in done.stderr
    assert json.loads(done.stdout)["cause"]["exit_code"] == 4


def test_an_application_file_that_is_not_there(shell: Any) -> None:
    manifest = shell.app("gone", "")
    (shell.folder / "spark_apps/gone.py").unlink()
    done = shell.run("run", manifest)
    assert done.returncode == 4
    assert "spec.mainApplicationFile: local:///opt/sparkyard/apps/gone.py is not here" in done.stderr


@pytest.mark.fault
def test_a_killed_run_is_called_lost(shell: Any) -> None:
    process = shell.start("run", shell.app("slow", "import time; print('now', flush=True); time.sleep(600)"))
    while process.stderr.readline().strip() != "now":
        assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    record = json.loads(shell.run_ok("runs", "--json"))[0]
    assert record["state"] == "lost"
    deadline = time.monotonic() + 20
    while java_processes(record["run_id"]) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not java_processes(record["run_id"]), "nothing goes on unseen"
