"""A backup restored into an empty lake: every table readable, equal checksums. In a lake of its own, which may be destroyed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import yaml
from charts.render import render

from sparkyard import lake
from sparkyard.kube import forward
from sparkyard.names import PLATFORM_NAMESPACE
from sparkyard.runs.cluster_lake import DATABASE_PORT, DATABASE_SERVICE, S3_PORT, S3_SERVICE, read_secret

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

pytestmark = [pytest.mark.cluster, pytest.mark.helm]
SPACE = "e2e-lake"
TABLES = ("trusted.e2e_events", "refined.e2e_answers")
SMALL = {"requests": {"cpu": "10m", "memory": "64Mi"}}
Object = dict[str, Any]


def make_lake(yard: Any, cluster: int) -> list[Object]:
    """The chart's objects, with passwords of their own for each of the two clusters that we play."""
    containers = [
        yard.kube.get(f"/apis/apps/v1/namespaces/{PLATFORM_NAMESPACE}/{path}")["spec"]["template"]["spec"]["containers"][0]
        for path in ("statefulsets/lake-postgresql", "deployments/lake-s3")
    ]
    parts = {name: {"size": "1Gi", "resources": SMALL} for name in ("s3", "postgresql", "backup")}
    images = dict(zip(("postgres", "versitygw"), (item["image"] for item in containers), strict=True))
    values = {**parts, "global": {"images": images, "jobs": {"namespaces": [SPACE], "quota": {"pods": 100 + cluster}}}}
    return render(values, chart="lake", files=(), namespace=SPACE)


def start(yard: Any, objects: list[Object]) -> None:
    yard.kubectl("apply", "-n", SPACE, "-f", "-", stdin=yaml.safe_dump_all(objects))
    for what, condition in (("deployment/lake-s3", "Available"), ("job --all", "Complete")):
        yard.kubectl("wait", "-n", SPACE, *what.split(), f"--for=condition={condition}", "--timeout=180s")


def run_job(yard: Any, cronjob: str, name: str, outcome: str = "Complete") -> str:
    """As the README says it; what its containers said."""
    yard.kubectl("create", "job", "-n", SPACE, name, f"--from=cronjob/{cronjob}")
    deadline = time.monotonic() + 120
    while not (conditions := yard.kube.get(f"/apis/batch/v1/namespaces/{SPACE}/jobs/{name}")["status"].get("conditions")):
        assert time.monotonic() < deadline, f"{name} does not end"
        time.sleep(0.5)
    said = yard.kubectl("logs", "-n", SPACE, f"job/{name}", "--all-containers", check=False).stdout
    assert conditions[-1]["type"] == outcome, said
    return str(said)


@contextmanager
def open_lake(yard: Any) -> Iterator["Catalog"]:
    """As jobs see it."""
    keys = read_secret(yard.kube, SPACE, "lake-s3-jobs")
    password = read_secret(yard.kube, SPACE, "lake-postgresql")["yard_jobs"]
    with (
        forward(yard.kube, SPACE, service=S3_SERVICE, port=S3_PORT) as store,
        forward(yard.kube, SPACE, service=DATABASE_SERVICE, port=DATABASE_PORT) as database,
    ):
        options = {"s3.endpoint": f"http://127.0.0.1:{store}", "s3.region": "us-east-1", "warehouse": "s3://lake"}
        options |= {"s3.access-key-id": keys["AWS_ACCESS_KEY_ID"], "s3.secret-access-key": keys["AWS_SECRET_ACCESS_KEY"]}
        yield lake.load_remote_catalog(f"postgresql+psycopg://yard_jobs:{password}@127.0.0.1:{database}/yard", options)


def write_tables(catalog: "Catalog") -> None:
    """Two commits each, so that a table has a history."""
    for number, name in enumerate(TABLES):
        catalog.create_namespace(name.partition(".")[0])
        rows = pa.table({"n": list(range(number, number + 500)), "word": [f"w{n % 7}" for n in range(500)]})
        table = catalog.create_table(name, schema=rows.schema)
        table.append(rows)
        table.append(rows.slice(0, 10))


def checksums(yard: Any) -> dict[str, str]:
    with open_lake(yard) as catalog:
        return {name: lake.checksum(lake.load_table(catalog, name)) for name in lake.list_tables(catalog)}


@pytest.fixture
def space(yard: Any) -> Iterator[None]:
    yard.kubectl("create", "namespace", SPACE)
    yield
    yard.kubectl("delete", "namespace", SPACE, "--wait=false")


def test_a_backup_restores_every_table_into_an_empty_lake(yard: Any, space: None) -> None:
    first, second = make_lake(yard, 1), make_lake(yard, 2)
    start(yard, first)
    with open_lake(yard) as catalog:
        write_tables(catalog)
    before = checksums(yard)
    assert len(before) == len(TABLES)
    assert "backup 2" in run_job(yard, "lake-backup", "backup-now")

    lost = [item for item in first if item["metadata"]["name"] != "lake-backup" or item["kind"] == "CronJob"]
    yard.kubectl("delete", "-n", SPACE, "-f", "-", "--wait=true", stdin=yaml.safe_dump_all(lost))
    start(yard, second)
    assert checksums(yard) == {}, "it is another, empty lake"
    assert "restored: trusted.e2e_events" in run_job(yard, "lake-restore", "restore-now")
    assert checksums(yard) == before

    assert "the catalog holds 2 tables" in run_job(yard, "lake-restore", "restore-again", "Failed")
