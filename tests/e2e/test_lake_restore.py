"""A backup restored into an empty lake: every table readable, equal checksums. In a lake of its own, which may be destroyed.

The empty lake has TLS, so that its catalog, the restore and whoever reads are tried with it too."""

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pyarrow as pa
import pytest
import yaml
from charts.certificates import make_certificate
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


def make_lake(yard: Any, **more: Any) -> list[Object]:
    """The chart's objects; other values, other passwords: we play two clusters."""
    containers = [
        yard.kube.get(f"/apis/apps/v1/namespaces/{PLATFORM_NAMESPACE}/{path}")["spec"]["template"]["spec"]["containers"][0]
        for path in ("statefulsets/lake-postgresql", "deployments/lake-s3")
    ]
    parts = {name: {"size": "1Gi", "resources": SMALL} for name in ("s3", "postgresql", "backup")}
    images = dict(zip(("postgres", "versitygw"), (item["image"] for item in containers), strict=True))
    values = {**parts, "global": {"images": images, "jobs": {"namespaces": [SPACE]}, **more}}
    return render(values, chart="lake", files=(), namespace=SPACE)


def start(yard: Any, objects: list[Object]) -> None:
    yard.kubectl("apply", "-n", SPACE, "-f", "-", stdin=yaml.safe_dump_all(objects))
    for what, condition in (("deployment/lake-s3", "Available"), ("job --all", "Complete")):
        yard.kubectl("wait", "-n", SPACE, *what.split(), f"--for=condition={condition}", "--timeout=180s")


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


@contextmanager
def open_lake(yard: Any, authority: Path | None = None) -> Iterator["Catalog"]:
    """As jobs see it."""
    tls = ssl.create_default_context(cafile=authority) if authority else None
    keys = read_secret(yard.kube, SPACE, "lake-s3-jobs")
    password = read_secret(yard.kube, SPACE, "lake-postgresql")["yard_jobs"]
    with (
        forward(yard.kube, SPACE, service=S3_SERVICE, port=S3_PORT, tls=tls) as store,
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
    """A namespace with the certificate of a lake in it."""
    make_certificate(tmp_path, *(f"DNS:{name}.{SPACE}.svc" for name in (S3_SERVICE, DATABASE_SERVICE)))
    files = [f"--from-file={name}={tmp_path / file}" for name, file in (("tls.crt",) * 2, ("tls.key",) * 2, ("ca.crt", "tls.crt"))]
    yard.kubectl("delete", "namespace", SPACE, "--ignore-not-found")
    yard.kubectl("create", "namespace", SPACE)
    yard.kubectl("create", "secret", "generic", "lake-tls", "-n", SPACE, *files)
    yield tmp_path / "tls.crt"
    yard.kubectl("delete", "namespace", SPACE, "--wait=false")


def test_a_backup_restores_every_table_into_an_empty_lake(yard: Any, authority: Path) -> None:
    first = make_lake(yard)
    second = make_lake(yard, lake={"tlsSecret": "lake-tls"}, trustedCa={"configMap": "site-ca"})
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
