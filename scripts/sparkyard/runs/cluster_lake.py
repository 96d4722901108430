"""The cluster's lake seen from here: its store and catalog through forwarded ports, with the credentials that jobs have; files are
uploaded with the key that ingest has."""

import configparser
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sparkyard.errors import ClusterError
from sparkyard.kube import Kube, forward
from sparkyard.kube.secrets import find_secret
from sparkyard.lake import load_remote_catalog
from sparkyard.names import CATALOG, CATALOG_SECRET, JOBS_NAMESPACE, PLATFORM_NAMESPACE, S3_INGEST_SECRET, S3_SECRET
from sparkyard.s3 import Store, plan_upload, upload_files

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

S3_SERVICE, S3_PORT = "lake-s3", 7070
DATABASE_SERVICE, DATABASE_PORT = "lake-postgresql", 5432


def read_secret(kube: Kube, namespace: str, name: str) -> dict[str, str]:
    secret = find_secret(kube, namespace, name)
    if secret is None:
        raise ClusterError(
            "there is no such Secret: is the platform installed?",
            where=f"{namespace}/{name}",
            next_command="sparkyard install --reuse-values",
        )
    return secret


@contextmanager
def open_store(kube: Kube, jobs_namespace: str = JOBS_NAMESPACE, secret: str = S3_SECRET) -> Iterator[Store]:
    keys = read_secret(kube, jobs_namespace, secret)
    tls = make_tls(read_secret(kube, jobs_namespace, CATALOG_SECRET))
    with forward(kube, PLATFORM_NAMESPACE, service=S3_SERVICE, port=S3_PORT, tls=tls) as port:
        yield Store(f"127.0.0.1:{port}", keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"])


@contextmanager
def open_catalog(kube: Kube, jobs_namespace: str = JOBS_NAMESPACE) -> Iterator["Catalog"]:
    service = parse_service(read_secret(kube, jobs_namespace, CATALOG_SECRET)["pg_service.conf"])
    with (
        open_store(kube, jobs_namespace) as store,
        forward(kube, PLATFORM_NAMESPACE, service=DATABASE_SERVICE, port=DATABASE_PORT) as port,
    ):
        options = {
            "s3.endpoint": f"{store.scheme}://{store.endpoint}",
            "s3.access-key-id": store.access_key,
            "s3.secret-access-key": store.secret_key,
            "s3.region": "us-east-1",
            "s3.request-timeout": "60",  # seconds; PyArrow's three are short for a forward through a busy API server
        }
        user, password = quote(service["user"], safe=""), quote(service["password"], safe="")
        uri = f"postgresql+psycopg://{user}:{password}@127.0.0.1:{port}/{service['dbname']}"
        yield load_remote_catalog(uri, options)


def make_tls(secret: dict[str, str]) -> ssl.SSLContext | None:
    """Where the lake has TLS, the catalog's Secret holds the authority of its certificates."""
    return ssl.create_default_context(cadata=secret["ca.crt"]) if secret.get("ca.crt") else None


def parse_service(text: str) -> dict[str, str]:
    """The entry of our catalog in a pg_service.conf."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    return dict(parser[CATALOG])


def upload(kube: Kube, paths: Sequence[Path], to: str, progress: Callable[[int, int], None]) -> list[str]:
    """The keys written; progress is told (bytes done, bytes in all)."""
    files = plan_upload(paths, to)
    total, done = sum(path.stat().st_size for path, _ in files), 0

    def count(size: int) -> None:
        nonlocal done
        done += size
        progress(done, total)

    with open_store(kube, secret=S3_INGEST_SECRET) as store:
        upload_files(store, files, count)
    return [key for _, key in files]
