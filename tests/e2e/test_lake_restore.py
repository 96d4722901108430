"""A backup restored into an empty lake: every table readable, equal checksums.

The empty lake has TLS, so that its catalog, the restore and whoever reads are tried with it too."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pyarrow as pa
import pytest
import yaml
from e2e.lakes import SPACE, TLS, lake_namespace, make_lake, open_lake, start

from sparkyard import lake
from sparkyard.kube import forward
from sparkyard.runs.cluster_lake import DATABASE_PORT, DATABASE_SERVICE

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

pytestmark = [pytest.mark.cluster, pytest.mark.helm]
TABLES = ("trusted.e2e_events", "refined.e2e_answers")


def run_job(yard: Any, cronjob: str, name: str, step: str, outcome: str = "Complete") -> str:
    """As the README says it; what the step said."""
    yard.kubectl("create", "job", "-n", SPACE, name, f"--from=cronjob/{cronjob}")
    path, deadline, ended = f"/apis/batch/v1/namespaces/{SPACE}/jobs/{name}", time.monotonic() + 120, set[str]()
    while not ended:
        assert time.monotonic() < deadline, f"{name} does not end"
        time.sleep(0.5)
        ended = {"Complete", "Failed"} & {item["type"] for item in yard.kube.get(path)["status"].get("conditions", [])}
    said = yard.kubectl("logs", "-n", SPACE, f"job/{name}", "-c", step)
    assert ended == {outcome}, said.stdout
    return str(said.stdout + said.stderr)


def write_tables(catalog: "Catalog") -> None:
    """Two commits each, so that a table has a history."""
    for number, name in enumerate(TABLES):
        catalog.create_namespace(name.partition(".")[0])
        rows = pa.table({"n": list(range(number, number + 500)), "word": [f"w{n % 7}" for n in range(500)]})
        table = catalog.create_table(name, schema=rows.schema)
        table.append(rows)
        table.append(rows.slice(0, 10))


def checksums(yard: Any, authority: Path | None = None) -> dict[str, str]:
    with open_lake(yard, authority) as catalog:
        return {name: lake.checksum(lake.load_table(catalog, name)) for name in lake.list_tables(catalog)}


def ask_without_tls(yard: Any) -> str:
    """What the database answers."""
    with (
        forward(yard.kube, SPACE, service=DATABASE_SERVICE, port=DATABASE_PORT) as port,
        pytest.raises(psycopg.OperationalError) as refused,
    ):
        psycopg.connect(host="127.0.0.1", port=port, user="yard_jobs", password="any", dbname="yard", sslmode="disable")
    return str(refused.value)


@pytest.fixture
def authority(yard: Any, tmp_path: Path) -> Iterator[Path]:
    with lake_namespace(yard, tmp_path) as authority:
        yield authority


def test_a_backup_restores_every_table_into_an_empty_lake(yard: Any, authority: Path) -> None:
    first, second = make_lake(yard), make_lake(yard, **TLS)
    start(yard, first)
    with open_lake(yard) as catalog:
        write_tables(catalog)
    before = checksums(yard)
    assert len(before) == len(TABLES)
    assert "backup 2" in run_job(yard, "lake-backup", "backup-now", "copy")

    lost = [item for item in first if item["metadata"]["name"] != "lake-backup" or item["kind"] == "CronJob"]
    yard.kubectl("delete", "-n", SPACE, "-f", "-", "--wait=true", stdin=yaml.safe_dump_all(lost))
    start(yard, second)
    assert "no encryption" in ask_without_tls(yard)
    assert checksums(yard, authority) == {}, "it is another, empty lake"
    assert "restored: trusted.e2e_events" in run_job(yard, "lake-restore", "restore-now", "load")
    assert checksums(yard, authority) == before
    assert "the catalog holds 2 tables" in run_job(yard, "lake-restore", "restore-again", "check", "Failed")
