"""A lake of a test's own, which may be destroyed, and readers of it."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from charts.certificates import make_certificate
from charts.render import render

from sparkyard import lake
from sparkyard.kube import forward
from sparkyard.names import PLATFORM_NAMESPACE
from sparkyard.runs.cluster_lake import DATABASE_PORT, DATABASE_SERVICE, S3_PORT, S3_SERVICE, read_secret

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

SPACE = "e2e-lake"
SMALL = {"requests": {"cpu": "10m", "memory": "64Mi"}}
TLS = {"lake": {"tlsSecret": "lake-tls"}, "trustedCa": {"configMap": "site-ca"}}
Object = dict[str, Any]


def make_lake(yard: Any, jobs: str = SPACE, **more: Any) -> list[Object]:
    """The chart's objects; other values, other passwords: we play two clusters."""
    containers = [
        yard.kube.get(f"/apis/apps/v1/namespaces/{PLATFORM_NAMESPACE}/{path}")["spec"]["template"]["spec"]["containers"][0]
        for path in ("statefulsets/lake-postgresql", "deployments/lake-s3")
    ]
    parts = {name: {"size": "1Gi", "resources": SMALL} for name in ("s3", "postgresql", "backup")}
    images = dict(zip(("postgres", "versitygw"), (item["image"] for item in containers), strict=True))
    values = {**parts, "global": {"images": images, "jobs": {"namespaces": [jobs]}, "notebooks": {"enabled": False}, **more}}
    return render(values, chart="lake", files=(), namespace=SPACE)


def start(yard: Any, objects: list[Object]) -> None:
    yard.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))
    for what, condition in (("deployment/lake-s3", "Available"), ("job --all", "Complete")):
        yard.kubectl("wait", "-n", SPACE, *what.split(), f"--for=condition={condition}", "--timeout=180s")


@contextmanager
def open_lake(yard: Any, authority: Path | None = None, jobs: str = SPACE) -> Iterator["Catalog"]:
    """As jobs see it."""
    tls = ssl.create_default_context(cafile=authority) if authority else None
    keys = read_secret(yard.kube, jobs, "lake-s3-jobs")
    password = read_secret(yard.kube, SPACE, "lake-postgresql")["yard_jobs"]
    with (
        forward(yard.kube, SPACE, service=S3_SERVICE, port=S3_PORT, tls=tls) as store,
        forward(yard.kube, SPACE, service=DATABASE_SERVICE, port=DATABASE_PORT) as database,
    ):
        options = {"s3.endpoint": f"http://127.0.0.1:{store}", "s3.region": "us-east-1", "warehouse": "s3://lake"}
        options |= {"s3.access-key-id": keys["AWS_ACCESS_KEY_ID"], "s3.secret-access-key": keys["AWS_SECRET_ACCESS_KEY"]}
        yield lake.load_remote_catalog(f"postgresql+psycopg://yard_jobs:{password}@127.0.0.1:{database}/yard", options)


@contextmanager
def lake_namespace(yard: Any, folder: Path) -> Iterator[Path]:
    """A namespace with the certificate of a lake in it; the authority's own certificate."""
    make_certificate(folder, *(f"DNS:{name}.{SPACE}.svc" for name in (S3_SERVICE, DATABASE_SERVICE)))
    files = [f"--from-file={name}={folder / file}" for name, file in (("tls.crt",) * 2, ("tls.key",) * 2, ("ca.crt", "tls.crt"))]
    yard.kubectl("delete", "namespace", SPACE, "--ignore-not-found")
    yard.kubectl("create", "namespace", SPACE)
    try:
        yard.kubectl("create", "secret", "generic", "lake-tls", "-n", SPACE, *files)
        yield folder / "tls.crt"
    finally:
        yard.kubectl("delete", "namespace", SPACE, "--wait=false")
