"""Each key of the store may do on the cluster what its use needs, and no more."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from charts.rights import RIGHTS, Rights

from sparkyard.kube import forward
from sparkyard.names import PLATFORM_NAMESPACE
from sparkyard.runs.cluster_lake import S3_PORT, S3_SERVICE

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def rights(yard: Any) -> Iterator[Rights]:
    data = yard.kube.get(f"/api/v1/namespaces/{PLATFORM_NAMESPACE}/secrets/lake-s3")["data"]
    keys = {name: base64.b64decode(text).decode() for name, text in data.items()}
    with forward(yard.kube, PLATFORM_NAMESPACE, service=S3_SERVICE, port=S3_PORT) as port:
        yield Rights(f"127.0.0.1:{port}", (keys["rootAccessKey"], keys["rootSecretKey"]), keys)


@pytest.mark.parametrize("use", ["jobs", "ingest", "read", "history", "airflow"])
def test_a_key_may_what_its_use_needs_and_no_more(rights: Rights, use: str) -> None:
    expected = {place: may for (whose, place), may in RIGHTS.items() if whose == use}
    assert {place: rights.of(use, place) for place in expected} == expected
