"""A driver's log, followed through whatever happens to the connection."""

import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from sparkyard.errors import ClusterError
from sparkyard.kube.applications import DRIVER_CONTAINER, get_driver
from sparkyard.kube.client import Kube, Object
from sparkyard.kube.explain import terminated_state

STAMPED = re.compile(r"(\S+) ?(.*)", re.S)


def follow_driver_log(kube: Kube, app: Object, stop: threading.Event) -> Iterator[str]:
    """The driver's lines as they come, of each attempt; a broken connection is taken up where it broke."""
    since, done = "", ""
    while not stop.wait(0.5):
        with suppress(ClusterError):
            driver = get_driver(kube, app)
            if driver is None or driver["metadata"]["uid"] == done or driver["status"].get("phase") == "Pending":
                continue
            for stamp, line in _stamped_lines(kube, driver, since, follow=True):
                since = stamp
                yield line
            if terminated_state(driver):
                done, since = driver["metadata"]["uid"], ""


def read_driver_log(kube: Kube, driver: Object, *, since: str = "", tail: int = 0) -> list[tuple[str, str]]:
    """What the driver has written by now, each line with its time: all of it, what came after `since`, or the last `tail` lines."""
    return list(_stamped_lines(kube, driver, since, **({"tailLines": tail} if tail else {})))


def _stamped_lines(kube: Kube, driver: Object, since: str, **query: Any) -> Iterator[tuple[str, str]]:
    path = f"/api/v1/namespaces/{driver['metadata']['namespace']}/pods/{driver['metadata']['name']}/log"
    query |= {"container": DRIVER_CONTAINER, "timestamps": True} | ({"sinceTime": since} if since else {})
    for text in kube.lines(path, **query):
        found = STAMPED.fullmatch(text)
        if found and found[1] > since:  # sinceTime counts whole seconds: what was seen comes again
            yield found[1], found[2]
