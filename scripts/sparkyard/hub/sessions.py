"""How many sessions of Spark Connect are in use, counted by what passes: each request begins with the session's id."""

import time
from collections.abc import Callable, Iterable
from functools import partial

from prometheus_client import Gauge

SESSIONS = Gauge("sparkyard_connect_sessions", "Sessions in use, those idle for too long not counted", ["team"])
FIRST_FIELD = b"\x0a"  # number 1, a text


class Sessions:
    def __init__(self, idle: float, teams: Iterable[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._idle = idle
        self._clock = clock
        self._seen: dict[str, dict[str, float]] = {team: {} for team in teams}
        for team in self._seen:
            SESSIONS.labels(team).set_function(partial(self.count, team))

    def note(self, team: str, session: str, ended: bool) -> None:
        if ended:
            self._seen[team].pop(session, None)
        elif session:
            self._seen[team][session] = self._clock()

    def count(self, team: str) -> int:
        oldest = self._clock() - self._idle
        living = {session: seen for session, seen in self._seen[team].copy().items() if seen > oldest}
        self._seen[team] = living
        return len(living)


def find_session(request: bytes) -> str:
    """Empty where the message begins otherwise."""
    if request[:1] != FIRST_FIELD or len(request) < 2 or len(request) < 2 + request[1]:
        return ""
    return request[2 : 2 + request[1]].decode(errors="replace")
