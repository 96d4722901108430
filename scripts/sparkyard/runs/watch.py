"""One application watched by looks, without a thread of its own: a thousand of them wait in one process."""

import time
from contextlib import suppress
from typing import Any

from sparkyard.errors import ClusterError
from sparkyard.kube import Kube
from sparkyard.kube.applications import applications_path, get_driver
from sparkyard.kube.explain import FINAL_STATES, application_state, hint_from_log
from sparkyard.kube.logs import read_driver_log
from sparkyard.runs.meter import Meter
from sparkyard.runs.trouble import Seeker

Object = dict[str, Any]
PATIENCE = 900.0  # seconds without any answer of the cluster: waiting costs nothing, and the job may be well
FASTEST, SLOWEST = 2.0, 10.0  # seconds between looks
SHARE = 0.1  # of the time that it has waited: an end is told at most so much late
MOST_SAID = 50


class Watch:
    def __init__(self, kube: Kube, namespace: str, name: str, uid: str, *, stuck_after: float, patience: float = PATIENCE) -> None:
        self.kube, self.namespace, self.name, self.uid = kube, namespace, name, uid
        self.stuck_after, self.patience = stuck_after, patience
        self.state, self.since, self.pause = "", "", FASTEST
        self.over, self.trouble = False, ""  # trouble: why the wait ended before the application did
        self.news: list[str] = []
        self.said: list[str] = []  # of the news, what is no line of the driver's
        self.begin = self.answered = time.monotonic()
        self.away = False
        self.meter = Meter()
        self.seeker = Seeker(kube, lambda text: self._say(f"! {text}"))

    def look(self) -> list[str]:
        """What is new since the last look, as lines for a log."""
        self.news = []
        try:
            self._look()
            self.answered, self.away = time.monotonic(), False
        except ClusterError as error:
            self._be_patient(error)
        self.pause = FASTEST if self.news else min(max(FASTEST, SHARE * (time.monotonic() - self.begin)), SLOWEST)
        return self.news

    def _look(self) -> None:
        app = self.kube.find(f"{applications_path(self.namespace)}/{self.name}")
        if app is None or app["metadata"]["uid"] != self.uid:
            return self._end("somebody deleted the application while it ran")
        state = application_state(app)
        if state != self.state:
            self.state = state
            self._say(f"application {self.namespace}/{self.name}: {state}")
        driver = get_driver(self.kube, app)
        self.meter.note(app, driver, time.time())
        if driver and driver["status"].get("phase") != "Pending":
            self._read_log(driver)
        if state in (*FINAL_STATES, "SUSPENDED"):
            return self._end("")
        found = self.seeker.look(app, driver)
        if found and found[1] > self.stuck_after:
            self._end(f"the driver cannot start: {found[0].message}")

    def _read_log(self, driver: Object) -> None:
        with suppress(ClusterError):  # a log that cannot be read hides no state
            for stamp, line in read_driver_log(self.kube, driver, since=self.since):
                self.since = stamp
                self.news.append(line)
                if hint := hint_from_log(line):
                    self.seeker.note(hint)

    def _say(self, text: str) -> None:
        self.news.append(text)
        self.said = [*self.said[-MOST_SAID + 1 :], text]

    def _end(self, trouble: str) -> None:
        self.over, self.trouble = True, trouble

    def _be_patient(self, error: ClusterError) -> None:
        if not self.away:
            self._say(f"! {error.what}; looking again for {self.patience / 60:.0f} min")
        self.away = True
        if time.monotonic() - self.answered > self.patience:
            self._end(f"no answer for {self.patience / 60:.0f} min: {error.what}")
