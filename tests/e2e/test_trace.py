"""The trace jobs by plain kubectl: the same tables as in local mode, checked by checksum; asked again, nothing is written (--long)."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from rotation import rotating

from sparkyard import lake
from sparkyard.kube.applications import get_driver, termination_message
from sparkyard.project import ROOT
from sparkyard.runs.cluster_lake import open_catalog
from sparkyard.summary import comparable, parse_summary

pytestmark = [pytest.mark.cluster, pytest.mark.java]
JOBS = ROOT / "manifests/jobs"
QUESTIONS = sorted(path.stem for path in JOBS.glob("trace-q*.yaml"))
LANDED = [f"yard.trusted.trace_{name}" for name in ("machine_events", "job_events", "task_events", "task_usage")]
OF_THE_PLACE = {"source_id", "source_file"}  # a file has another address on a laptop


@pytest.fixture(scope="module")
def home(yard: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A sample landed in a lake of this machine and in the cluster's, which lose their trace tables before."""
    home = tmp_path_factory.mktemp("trace")
    yard.sparkyard("sample", "trace", "--scale", "0.02", "--out", str(home / "raw/trace"))
    yard.sparkyard("upload", str(home / "raw/trace"), "--to", "raw/trace")
    yard.drop_tables("trace_")
    run_in_both(yard, home, "trace-land")
    yield home
    yard.drop_tables("trace_")
    shutil.rmtree(home, ignore_errors=True)


def run_in_both(yard: Any, home: Path, name: str) -> dict[str, Any]:
    """The cluster's result."""
    with ThreadPoolExecutor() as beside:
        local = beside.submit(yard.sparkyard, "run", str(JOBS / f"{name}.yaml"), "--home", str(home))
        result = run_on_cluster(yard, name)
        local.result()
    return result


def run_on_cluster(yard: Any, name: str) -> dict[str, Any]:
    app = yard.wait_for_end(yard.apply(JOBS / f"{name}.yaml"), 600)  # beside the same job on this machine
    result = parse_summary(termination_message(get_driver(yard.kube, app))) or {}
    assert app["status"]["applicationState"]["state"] == "COMPLETED", result.get("error") or app["status"]
    return result


def compare(yard: Any, home: Path, table: str) -> None:
    with open_catalog(yard.kube) as catalog:
        tables = [lake.load_table(place, table) for place in (catalog, lake.load_catalog(home))]
    there, here = (lake.checksum(rows.drop_columns([name for name in rows.column_names if name in OF_THE_PLACE])) for rows in tables)
    assert tables[0].num_rows
    assert there == here, table


@pytest.mark.parametrize("table", LANDED)
def test_the_landed_tables_equal_local_mode_row_for_row(yard: Any, home: Path, table: str) -> None:
    compare(yard, home, table)


@pytest.mark.parametrize("name", rotating(QUESTIONS))
def test_an_answer_equals_local_mode(yard: Any, home: Path, name: str) -> None:
    run_in_both(yard, home, name)
    compare(yard, home, f"yard.refined.{name.replace('-', '_')}")


@pytest.mark.long  # nor in local mode: tests/apps/trace
@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_is_not_written_again(yard: Any, home: Path, name: str) -> None:
    first, again = run_on_cluster(yard, name), run_on_cluster(yard, name)
    assert comparable(again)["highlights"] == comparable(first)["highlights"]
    table = name.replace("-", "_")
    current, known = yard.list_snapshots(table)[f"yard.refined.{table}"]
    assert known == [current]
