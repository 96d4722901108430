"""What keeps an application from starting or growing, told once, and how long it has been hopeless."""

import math
import time
from collections.abc import Callable
from typing import Any

from sparkyard.kube import Kube
from sparkyard.kube.applications import list_executors, list_pod_events
from sparkyard.kube.explain import FINAL_STATES, Trouble, application_state, explain_pod, terminated_state

Object = dict[str, Any]
HOPELESS = ("image-pull", "config")  # trouble that rarely passes by itself
ENDING_STATES = ("SUCCEEDING", "FAILING", "SUSPENDING", *FINAL_STATES)
WINDING_DOWN = 15.0  # seconds within which a driver that has let its executors go ends itself
UNSEEN = 45.0  # seconds an operator that lives needs at most to submit an application


class Seeker:
    def __init__(self, kube: Kube, tell: Callable[[str], None]) -> None:
        self.kube, self.tell = kube, tell
        self.begin = time.monotonic()
        self.hopeless_since = 0.0
        self.suspected: Trouble | None = None
        self.noted = ""
        self.ended: dict[str, float] = {}  # what is to be told of executors that ended, and since when; inf: it has been

    def note(self, text: str) -> None:
        if text != self.noted:
            self.noted = text
            self.tell(text)

    def look(self, app: Object, driver: Object | None) -> tuple[Trouble, float] | None:
        """The driver's hopeless trouble and for how many seconds it has lasted."""
        if application_state(app) == "NEW" and time.monotonic() - self.begin > UNSEEN:
            self.note(f"no operator has submitted it for {UNSEEN:.0f} s: sparkyard doctor, kubectl get pods -n sparkyard")
        trouble = None
        if driver and driver["status"].get("phase") == "Running":
            self._look_at_executors(app, driver)
        else:
            self.ended.clear()
            trouble = self._look_at_driver(driver) if driver and not terminated_state(driver) else None
        if trouble is None or trouble.kind not in HOPELESS:
            self.hopeless_since = 0.0
            return None
        self.hopeless_since = self.hopeless_since or time.monotonic()
        return trouble, time.monotonic() - self.hopeless_since

    def _look_at_driver(self, driver: Object) -> Trouble | None:
        trouble, before = explain_pod(driver, list_pod_events(self.kube, driver), time.time()), self.suspected
        self.suspected = trouble
        if trouble and trouble == before:  # seen once, it may pass by itself, as a ConfigMap that comes a moment after its pod
            self.note(f"driver {driver['metadata']['name']}: {trouble.message}")
        return trouble

    def _look_at_executors(self, app: Object, driver: Object) -> None:
        """A driver goes on with fewer, or waits for them: told, and never an end."""
        if application_state(app) in ENDING_STATES or driver["metadata"].get("deletionTimestamp"):
            return
        for pod in list_executors(self.kube, app):
            if trouble := explain_pod(pod):
                text = f"executor {pod['metadata']['name']}: {trouble.message}"
                if trouble.kind == "ended":
                    self.ended.setdefault(text, time.monotonic())
                else:
                    self.note(text)
        self._tell_outlived()

    def _tell_outlived(self) -> None:
        """An executor that ended may have been let go by a driver that ends, too: told once the driver has outlived it."""
        for text, since in self.ended.items():
            if time.monotonic() - since > WINDING_DOWN:
                self.note(text)
                self.ended[text] = math.inf
