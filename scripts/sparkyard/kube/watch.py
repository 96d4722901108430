"""Follow one object through whatever happens to the connection: expired watches, a restarting API server, a relist."""

import json
import time
from collections.abc import Iterator

from sparkyard.errors import ClusterError
from sparkyard.kube.client import ApiError, Kube, Object

PATIENCE = 120.0  # seconds without any answer before the cluster counts as gone
DENIED = (401, 403)
WATCH_SECONDS = 60  # then look again: a connection that died silently is noticed
PAUSE = 0.5


class Gone(Exception):
    """The object was deleted."""


def watch_object(kube: Kube, collection: str, name: str, *, patience: float = PATIENCE) -> Iterator[Object]:
    """Every state of the object that can be seen, the present one first. Raises Gone when it is deleted."""
    uid, last_answer = "", time.monotonic()
    while True:
        try:
            item = kube.find(f"{collection}/{name}")
            last_answer = time.monotonic()
            if item is None or uid not in ("", item["metadata"]["uid"]):
                raise Gone(name)
            uid = item["metadata"]["uid"]
            yield item
            yield from _changes(kube, collection, name, item["metadata"]["resourceVersion"])
            time.sleep(PAUSE)
        except ClusterError as error:
            if isinstance(error, ApiError) and error.status in DENIED:
                raise
            if time.monotonic() - last_answer > patience:
                raise
            time.sleep(PAUSE)


def _changes(kube: Kube, collection: str, name: str, version: str) -> Iterator[Object]:
    """One watch, until the server ends it. What it says of errors (410 Gone and others) only means: look again."""
    query = {"watch": True, "fieldSelector": f"metadata.name={name}", "resourceVersion": version, "timeoutSeconds": WATCH_SECONDS}
    for line in kube.lines(collection, **query):
        try:
            event = json.loads(line)
        except ValueError:
            return  # the connection broke in the middle of a line
        if event["type"] == "DELETED":
            raise Gone(name)
        if event["type"] == "ERROR":
            return
        if event["type"] != "BOOKMARK":
            yield event["object"]
