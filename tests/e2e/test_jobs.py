"""The central promise: the same manifest by plain kubectl and on this machine gives the same result."""

import json
import random
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from rotation import rotating

from sparkyard import lake
from sparkyard.kube.applications import get_driver, termination_message
from sparkyard.project import ROOT
from sparkyard.runs.cluster_lake import open_catalog
from sparkyard.samples.events import break_line
from sparkyard.summary import comparable, parse_summary

pytestmark = pytest.mark.cluster
HELLO, EVENTS = (ROOT / f"manifests/jobs/{name}.yaml" for name in ("hello-hello", "events-windows"))
SAMPLE = ROOT / "build/sample/events"
WINDOWS = "yard.refined.events_windows"


def result_of(yard: Any, app: dict[str, Any]) -> dict[str, Any]:
    result = parse_summary(termination_message(get_driver(yard.kube, app)))
    assert result, "the driver leaves its result in its termination message"
    return result


def run_locally(yard: Any, manifest: Path, home: Path, *arguments: str) -> dict[str, Any]:
    done = yard.sparkyard("run", str(manifest), "--home", str(home), "--json", "--", *arguments)
    return json.loads(done.stdout)["summary"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def hello(yard: Any) -> dict[str, Any]:
    """The application, ended."""
    app = yard.wait_for_end(yard.apply(HELLO))
    assert app["status"]["applicationState"]["state"] == "COMPLETED"
    return app  # type: ignore[no-any-return]


def test_hello_runs_untouched_with_executors_as_pods_of_their_own_in_a_restricted_namespace(
    yard: Any, hello: dict[str, Any], tmp_path: Path
) -> None:
    labels = yard.kube.get(f"/api/v1/namespaces/{yard.namespace}")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert len(hello["status"]["executorState"]) == 2
    assert comparable(result_of(yard, hello)) == comparable(run_locally(yard, HELLO, tmp_path))


def test_events_equal_local_mode_row_for_row(yard: Any, clean_events: None, tmp_path: Path) -> None:
    yard.sparkyard("upload", str(SAMPLE), "--to", "raw/events")
    shutil.copytree(SAMPLE, tmp_path / "raw/events")
    with ThreadPoolExecutor() as beside:
        local = beside.submit(run_locally, yard, EVENTS, tmp_path)
        assert comparable(run_events(yard)) == comparable(local.result())
    assert table_checksum(yard, WINDOWS) == lake.checksum(lake.load_table(lake.load_catalog(tmp_path), WINDOWS))


@pytest.mark.long  # nor in local mode: tests/apps/events
def test_a_second_run_changes_nothing(yard: Any, clean_events: None) -> None:
    yard.sparkyard("upload", str(SAMPLE), "--to", "raw/events")
    run_events(yard)
    first = yard.list_snapshots("events_windows"), table_checksum(yard, WINDOWS)
    run_events(yard)
    assert (yard.list_snapshots("events_windows"), table_checksum(yard, WINDOWS)) == first


def run_events(yard: Any) -> dict[str, Any]:
    app = yard.wait_for_end(yard.apply(EVENTS))
    assert app["status"]["applicationState"]["state"] == "COMPLETED", app["status"]
    return result_of(yard, app)


@pytest.mark.data
@pytest.mark.parametrize("broken", rotating([0, 1000], guarding=["spark_apps/events"]))
def test_real_events_equal_an_independent_computation_and_broken_lines_are_quarantined(
    yard: Any, clean_events: None, real_data: Path, tmp_path: Path, broken: int
) -> None:
    header, *lines = (real_data / "events/events.csv").read_bytes().splitlines()
    chance = random.Random(1)
    rejected = {position: break_line(chance, lines[position]) for position in chance.sample(range(len(lines)), broken)}
    file, good = tmp_path / "events.csv", tmp_path / "good.csv"
    file.write_bytes(b"\n".join([header, *(rejected.get(position, line) for position, line in enumerate(lines)), b""]))
    good.write_bytes(b"\n".join([header, *(line for position, line in enumerate(lines) if position not in rejected), b""]))
    result = run_on_cluster(yard, file, "events-real")
    assert result["rows"] == {"read": 100_000, "rejected": broken, "written": 100_000 - broken}
    with open_catalog(yard.kube) as catalog:
        windows = lake.to_columns(lake.load_table(catalog, WINDOWS))
        quarantined = lake.to_columns(lake.load_table(catalog, "yard.trusted.events_windows_quarantine")) if broken else {"line": []}
    assert sorted(quarantined["line"]) == sorted(line.decode(errors="replace") for line in rejected.values())
    check_windows(windows, result, compute_windows(good))


def check_windows(windows: dict[str, list[Any]], result: dict[str, Any], expected: list[tuple[int, int, int]]) -> None:
    starts = [int(start.timestamp()) for start in windows["window_start"]]
    assert list(zip(starts, windows["open_count"], windows["close_count"], strict=True)) == expected
    for name, index in (("average_open_count", 1), ("average_close_count", 2)):
        assert result["facts"][name] == pytest.approx(sum(row[index] for row in expected) / len(expected), abs=1e-6)
    best = sorted(expected, key=lambda row: (-row[1], row[0]))[:10]
    top = [[f"{datetime.fromtimestamp(start, UTC):%Y-%m-%d %H:%M}", opened, closed] for start, opened, closed in best]
    assert [row[:3] for row in result["highlights"][1:]] == top


def run_on_cluster(yard: Any, file: Path, folder: str) -> dict[str, Any]:
    yard.sparkyard("upload", str(file), "--to", f"raw/{folder}")
    app = yard.wait_for_end(yard.apply(with_arguments(EVENTS, f"{folder}-windows", ["--input", f"s3a://raw/{folder}/"])))
    assert app["status"]["applicationState"]["state"] == "COMPLETED", app["status"]
    return result_of(yard, app)


def compute_windows(file: Path) -> list[tuple[int, int, int]]:
    """(start, open, close) of every window from the first to the last, by another engine."""
    import duckdb

    return duckdb.execute(
        """
        WITH counts AS (
            SELECT epoch(time_bucket(INTERVAL 10 MINUTE, time))::BIGINT AS start, count_if(action = 'Open') AS opened,
                   count_if(action = 'Close') AS closed
            FROM read_csv($file, columns = {'time': 'timestamp', 'action': 'varchar'}, header = true) GROUP BY start
        ), spine AS (SELECT unnest(range(min(start), max(start) + 1, 600)) AS start FROM counts)
        SELECT start, coalesce(opened, 0)::BIGINT, coalesce(closed, 0)::BIGINT FROM spine LEFT JOIN counts USING (start) ORDER BY start
        """,
        {"file": str(file)},
    ).fetchall()


def with_arguments(manifest: Path, name: str, arguments: list[str]) -> dict[str, Any]:
    document = yaml.safe_load(manifest.read_text())
    document["metadata"]["name"] = name
    document["spec"]["arguments"] = arguments
    return document  # type: ignore[no-any-return]


def table_checksum(yard: Any, table: str) -> str:
    with open_catalog(yard.kube) as catalog:
        return lake.checksum(lake.load_table(catalog, table))


def test_losing_the_drivers_log_loses_no_result(yard: Any, hello: dict[str, Any], tmp_path: Path) -> None:
    driver = get_driver(yard.kube, hello)
    assert driver
    folder = f"/var/log/pods/{yard.namespace}_{driver['metadata']['name']}_{driver['metadata']['uid']}"
    inside = [sys.executable, str(ROOT / "scripts/cluster/main.py"), "exec", "--", "rm", "-r", folder]
    if subprocess.run(inside, capture_output=True).returncode:
        pytest.skip("the node is not ours: its log cannot be taken away")
    assert "no such file or directory" in yard.kubectl("logs", "-n", yard.namespace, driver["metadata"]["name"], check=False).stdout
    record = yard.record("hello-hello", tmp_path)
    assert record["state"] == "succeeded"
    assert record["summary"]["checks"] == {"2 rows and 3 columns": True}
