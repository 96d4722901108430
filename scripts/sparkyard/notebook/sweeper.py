"""No executor outlives its kernel by a minute, however the kernel ended: the server of the same pod looks, deletes and counts.

A kernel that ends in peace takes its executors along. What is left: pods that were asked for and not started yet when their JVM was killed,
which would start, find no driver and hold their part of the quota until then."""

import logging
import threading
from collections.abc import Iterable
from typing import Any

from prometheus_client import Counter, Gauge

from sparkyard.names import NOTEBOOK_KERNEL_LABEL
from sparkyard.notebook.api import delete_pod, list_executors
from sparkyard.notebook.ledger import list_living

Json = dict[str, Any]
EVERY = 10.0  # seconds
ORPHANS = Counter("sparkyard_notebook_orphans", "Executors whose kernel had ended, taken away by the server")
EXECUTORS = Gauge("sparkyard_notebook_executors", "Executors of this person's kernels", ["kernel"])
log = logging.getLogger("sparkyard.sweeper")


def find_orphans(pods: Iterable[Json], living: set[str]) -> list[str]:
    """Names; what is being deleted already is left to that."""
    meta = [pod["metadata"] for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    return [item["name"] for item in meta if item.get("labels", {}).get(NOTEBOOK_KERNEL_LABEL) not in living]


def sweep(namespace: str, user: str) -> list[str]:
    pods = list_executors(namespace, user)  # before the kernels are looked at: one that has just come has none among these
    orphans = find_orphans(pods, list_living())
    EXECUTORS.labels("living").set(len(pods) - len(orphans))
    EXECUTORS.labels("ended").set(len(orphans))
    for name in orphans:
        delete_pod(namespace, name)
        ORPHANS.inc()
        log.warning("%s: its kernel has ended; deleted", name)
    return orphans


def start_sweeper(namespace: str, user: str) -> None:
    """For the life of the server; an API server that does not answer is asked again."""
    threading.Thread(target=_sweep_for_ever, args=(namespace, user), daemon=True, name="sweeper").start()


def _sweep_for_ever(namespace: str, user: str) -> None:
    pause = threading.Event()
    while not pause.wait(EVERY):
        try:
            sweep(namespace, user)
        except OSError as error:
            log.warning("cannot look after executors: %s", error)
        except Exception:
            log.exception("cannot look after executors")
