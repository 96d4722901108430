"""What keeps an application from starting or growing, told once, and how long it has been hopeless."""

import time
from collections.abc import Callable
from typing import Any

from sparkyard.kube import Kube
from sparkyard.kube.applications import list_executors, list_pod_events
from sparkyard.kube.explain import Trouble, application_state, explain_pod, terminated_state

Object = dict[str, Any]
HOPELESS = ("image-pull", "config")  # trouble that rarely passes by itself
UNSEEN = 45.0  # seconds an operator that lives needs at most to submit an application


class Seeker:
    def __init__(self, kube: Kube, tell: Callable[[str], None]) -> None:
        self.kube, self.tell = kube, tell
        self.begin = time.monotonic()
        self.hopeless_since = 0.0
        self.suspected: Trouble | None = None
        self.noted = ""

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
            self._look_at_executors(app)
        elif driver and not terminated_state(driver):
            trouble = self._look_at_driver(driver)
        if trouble is None or trouble.kind not in HOPELESS:
            self.hopeless_since = 0.0
            return None
        self.hopeless_since = self.hopeless_since or time.monotonic()
        return trouble, time.monotonic() - self.hopeless_since

    def _look_at_driver(self, driver: Object) -> Trouble | None:
        trouble, before = explain_pod(driver, list_pod_events(self.kube, driver)), self.suspected
        self.suspected = trouble
        if trouble and trouble == before:  # seen once, it may pass by itself, as a ConfigMap that comes a moment after its pod
            self.note(f"driver {driver['metadata']['name']}: {trouble.message}")
        return trouble

    def _look_at_executors(self, app: Object) -> None:
        """A driver goes on with fewer, or waits for them: told, and never an end."""
        for pod in list_executors(self.kube, app):
            if trouble := explain_pod(pod):
                self.note(f"executor {pod['metadata']['name']}: {trouble.message}")
