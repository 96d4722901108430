"""What is rented for a run: an address that is called, an object of the cluster, or nothing. A site says which, in SPARKYARD_RENTAL.

    {"url": "https://pools.example.com/night", "token": "…"}      PUT <url>/<run> starts it, GET says {"ready": true}, DELETE stops it: 404
    {"path": "/apis/…/machinepools", "object": {…"{run}"…}, "ready": ["status", "phase"], "is": "Running"}

`wait` in it: seconds that a start may take.

Each step may be done twice: a start that half failed is begun again, and a stop finds what there is.
"""

import json
import os
import time
from collections.abc import Callable
from typing import Any, Protocol

import httpx

from sparkyard.errors import ClusterError, TimedOut, UsageError

RENTAL_ENV = "SPARKYARD_RENTAL"
PAUSE, READY = 5.0, 1800.0  # seconds


class Lease(Protocol):
    """What is rented for one run."""

    def start(self) -> None: ...
    def is_ready(self) -> bool: ...
    def stop(self) -> None: ...
    def is_gone(self) -> bool: ...


class Nothing:
    def start(self) -> None: ...
    def stop(self) -> None: ...

    def is_ready(self) -> bool:
        return True

    def is_gone(self) -> bool:
        return True


class Address:
    def __init__(self, run: str, *, url: str, token: str = "") -> None:
        self.url = f"{url.rstrip('/')}/{run}"
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def _ask(self, method: str) -> httpx.Response:
        try:
            answer = httpx.request(method, self.url, headers=self.headers, timeout=60)
        except httpx.HTTPError as error:
            raise ClusterError(f"does not answer: {error}", where=self.url) from None
        if answer.is_error and answer.status_code != 404:
            raise ClusterError(f"{method} was answered {answer.status_code}: {answer.text[:300]}", where=self.url)
        return answer

    def start(self) -> None:
        if self._ask("PUT").status_code == 404:
            raise ClusterError("PUT was answered 404", where=self.url)

    def is_ready(self) -> bool:
        answer = self._ask("GET")
        return not answer.is_error and bool(answer.json().get("ready"))

    def stop(self) -> None:
        self._ask("DELETE")

    def is_gone(self) -> bool:
        return self._ask("GET").status_code == 404


class ClusterObject:
    def __init__(self, run: str, *, path: str, object: dict[str, Any], ready: list[str], **wanted: str) -> None:
        from sparkyard.kube import Kube

        self.body = json.loads(json.dumps(object).replace("{run}", run))
        self.collection, self.path = path, f"{path}/{self.body['metadata']['name']}"
        self.ready, self.wanted = ready, wanted["is"]
        self.kube = Kube()

    def start(self) -> None:
        if self.kube.find(self.path) is None:
            self.kube.create(self.collection, self.body)

    def is_ready(self) -> bool:
        value: Any = self.kube.get(self.path)
        for key in self.ready:
            value = (value or {}).get(key)
        return str(value) == self.wanted

    def stop(self) -> None:
        self.kube.delete(self.path)

    def is_gone(self) -> bool:
        return self.kube.find(self.path) is None


def load_rental() -> dict[str, Any]:
    try:
        return dict(json.loads(os.environ.get(RENTAL_ENV) or "{}"))
    except ValueError as error:
        raise UsageError(f"is no JSON: {error}", where=RENTAL_ENV) from None


def get_patience() -> float:
    return float(load_rental().get("wait", READY))


def make_lease(run: str) -> Lease:
    said = {key: value for key, value in load_rental().items() if key != "wait"}
    try:
        if "url" in said:
            return Address(run, **said)
        return ClusterObject(run, **said) if said else Nothing()
    except (TypeError, KeyError) as error:
        raise UsageError(f"says not what is rented: {error!r}", where=RENTAL_ENV) from None


def is_given_back(lease: Lease) -> bool:
    lease.stop()
    return lease.is_gone()


def wait_until(done: Callable[[], bool], words: str, seconds: float) -> None:
    """Through errors of the hook, too: the last one is told when time is over."""
    deadline, problem = time.monotonic() + seconds, ""
    while True:
        try:
            if done():
                return
            problem = ""
        except ClusterError as error:
            problem = f": {error}"
        if time.monotonic() > deadline:
            raise TimedOut(f"{words} after {seconds:.0f} s{problem}")
        time.sleep(PAUSE)
