"""Whose token is it? The hub is asked, and its answer kept for half a minute; for ten while the hub itself does not answer."""

import asyncio
import hashlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

FRESH, STALE = 30.0, 600.0  # seconds
MOST = 10_000  # answers kept


@dataclass(frozen=True)
class Person:
    name: str
    groups: frozenset[str]


class HubAway(Exception):
    """It does not answer, and nothing is known of this token."""


class Tickets:
    def __init__(self, ask: Callable[[str], Person | None], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._known: dict[str, tuple[float, Person | None]] = {}

    async def find(self, token: str) -> Person | None:
        """None for what is not a person's own token, or no longer."""
        key = hashlib.sha256(token.encode()).hexdigest()
        since, person = self._known.get(key, (-STALE, None))
        if self._clock() - since < FRESH:
            return person
        try:
            person = await asyncio.to_thread(self._ask, token)
        except OSError as error:
            if person and self._clock() - since < STALE:
                return person
            raise HubAway(str(error)) from error
        self._keep(key, person)
        return person

    def _keep(self, key: str, person: Person | None) -> None:
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[key] = self._clock(), person


def make_tickets(hub: str) -> Tickets:
    """`hub`: the address of its API."""
    return Tickets(partial(ask_hub, hub))


def ask_hub(hub: str, token: str) -> Person | None:
    """OSError for everything but an answer about the token."""
    request = urllib.request.Request(f"{hub}/user", headers={"Authorization": f"token {token}"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return parse_person(json.load(answer))
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            return None
        raise
    except ValueError as error:
        raise OSError(f"the hub's answer cannot be read: {error}") from None


def parse_person(model: dict[str, Any]) -> Person | None:
    """Every service that a person visits holds a token that says who they are: only one that opens their own servers counts as theirs."""
    name = model.get("name")
    own = {"access:servers", f"access:servers!user={name}"}
    scopes = model.get("scopes", [])
    if model.get("kind") != "user" or not any(scope in own or scope.startswith(f"access:servers!server={name}/") for scope in scopes):
        return None
    return Person(str(name), frozenset(model.get("groups", [])))
