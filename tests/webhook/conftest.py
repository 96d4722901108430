"""The webhook as it runs: its own process, real TLS, on loopback."""

import json
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import pytest

from sparkyard.settings import Images, PlatformSettings
from sparkyard.webhook.certificates import Certificate, CertificateStore, make_certificate, utc_now
from sparkyard.webhook.revisions import Revisions
from sparkyard.webhook.server import Webhook

NAMES = ("localhost",)
SETTINGS = PlatformSettings(images=Images(spark="yard/spark:1", allowed=("yard/",)), spark_version="4.1.3")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def application(**spec: Any) -> dict[str, Any]:
    said = {
        "type": "Python",
        "sparkVersion": "4.1.3",
        "mainApplicationFile": "local:///opt/sparkyard/apps/hello/hello.py",
        "driver": {"cores": 1, "memory": "512m"},
        "executor": {"instances": 2, "cores": 1, "memory": "512m"},
        **spec,
    }
    head = {"apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication"}
    return {**head, "metadata": {"name": "hello-hello", "namespace": "spark-jobs"}, "spec": said}


def review(operation: str, new: dict[str, Any], old: dict[str, Any] | None = None) -> dict[str, Any]:
    metadata = new["metadata"]
    request = {"uid": "u-1", "operation": operation, "namespace": "spark-jobs", "name": metadata.get("name", ""), "object": new}
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {**request, "oldObject": old}}


def apply_patch(value: Any, operations: list[dict[str, Any]]) -> Any:
    """RFC 6902, as far as add, replace and remove go."""
    document = json.loads(json.dumps({"": value}))
    for step in operations:
        *parents, last = ["", *(part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:])]
        place = document
        for part in parents:
            place = place[int(part)] if isinstance(place, list) else place[part]
        if isinstance(place, list):
            if step["op"] == "add":
                place.insert(len(place) if last == "-" else int(last), step["value"])
            else:
                place[int(last)] = step["value"]
        elif step["op"] == "remove":
            del place[last]
        else:
            assert step["op"] == "add" or last in place
            place[last] = step["value"]
    return document[""]


@dataclass
class HeldCertificate:
    """In the place of the Secret: what a test put there."""

    held: Certificate

    def ensure(self, now: datetime) -> Certificate:
        return self.held


@dataclass
class Running:
    port: int
    health_port: int
    certificates: HeldCertificate

    def post(self, body: dict[str, Any], authorities: str = "") -> dict[str, Any]:
        context = ssl.create_default_context(cadata=authorities or self.certificates.held.authorities)
        request = urllib.request.Request(
            f"https://localhost:{self.port}/mutate", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10, context=context) as response:
            return json.load(response)  # type: ignore[no-any-return]

    def health(self, path: str) -> str:
        return fetch(f"http://127.0.0.1:{self.health_port}{path}")


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:
        return str(response.read().decode())


def wait_until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    end, last = time.monotonic() + seconds, None
    while time.monotonic() < end:
        try:
            if value := condition():
                return value
        except OSError as error:
            last = error
        time.sleep(0.05)
    raise AssertionError(f"did not come true within {seconds} s: {last}")


@contextmanager
def serving(webhook: Webhook) -> Iterator[None]:
    """A webhook that runs until the end of the block, ready at its start."""
    thread = threading.Thread(target=webhook.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: fetch(f"http://127.0.0.1:{webhook.health_port}/readyz") == "ok")
        yield
    finally:
        webhook.stop()
        thread.join(15)
    assert not thread.is_alive()


@pytest.fixture
def running() -> Iterator[Running]:
    certificates = HeldCertificate(make_certificate(NAMES, utc_now()))
    run = Running(free_port(), free_port(), certificates)
    store = cast(CertificateStore, certificates)
    webhook = Webhook(Revisions(SETTINGS), store, run.port, run.health_port, host="127.0.0.1", interval=0.1, settle=0.1)
    with serving(webhook):
        yield run
