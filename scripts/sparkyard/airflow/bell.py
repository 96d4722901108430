"""Rings when the API server says that an application has changed. Who waits also looks by himself: nothing is lost without it."""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from sparkyard.errors import ClusterError
from sparkyard.kube.applications import applications_path

BETWEEN = 0.2  # seconds from the end of a stream to the next
WITHOUT = 15.0  # seconds until it is tried again: Airflow may not watch, or the server is away


class Bell:
    """One for all that wait in a namespace."""

    def __init__(self, loop: asyncio.AbstractEventLoop, connect: Callable[[], Any], namespace: str) -> None:
        self.loop, self.connect, self.path = loop, connect, applications_path(namespace)
        self.rings: dict[str, asyncio.Event] = {}
        threading.Thread(target=self._listen, daemon=True, name=f"sparkyard-bell-{namespace}").start()

    def of(self, name: str) -> asyncio.Event:
        return self.rings.setdefault(name, asyncio.Event())

    def forget(self, name: str) -> None:
        self.rings.pop(name, None)

    def _listen(self) -> None:
        while not self.loop.is_closed():
            try:
                for line in self.connect().lines(self.path, watch=True, timeoutSeconds=60):
                    self.loop.call_soon_threadsafe(self._ring, json.loads(line)["object"]["metadata"].get("name", ""))
                time.sleep(BETWEEN)
            except RuntimeError:  # the loop was closed meanwhile
                return
            except (ClusterError, ValueError, KeyError):
                time.sleep(WITHOUT)

    def _ring(self, name: str) -> None:
        if ring := self.rings.get(name):
            ring.set()


@cache
def hang_up(loop: asyncio.AbstractEventLoop, connect: Callable[[], Any], namespace: str) -> Bell:
    return Bell(loop, connect, namespace)
