"""Who may use a team's Spark Connect server, and what the server finds in its namespace."""

import asyncio
import json
from typing import Any

import pytest

from sparkyard.hub import HubValues, make_connect_env, make_team_objects
from sparkyard.hub.sessions import Sessions, find_session
from sparkyard.hub.teams import is_member
from sparkyard.hub.tickets import FRESH, STALE, HubAway, Person, Tickets, parse_person
from sparkyard.hub.values import Connect, PersonQuota, Profile, Team
from sparkyard.settings import PlatformSettings, parse_settings

TEAMS = {"sales": Team(users=("ann",)), "science": Team(groups=("lab",)), "all": Team(users=("*",))}
VALUES = HubValues(
    image="notebook:1", profiles={"small": Profile()}, connect=Connect(address="jupyter-connect.sparkyard.svc:15002", teams=TEAMS)
)


@pytest.mark.parametrize(
    ("team", "name", "groups", "member"),
    [
        ("sales", "ann", [], True),
        ("sales", "bob", ["sales"], False),
        ("science", "bob", ["lab", "other"], True),
        ("science", "lab", [], False),
        ("all", "whoever", [], True),
    ],
)
def test_membership_is_by_name_or_group(team: str, name: str, groups: list[str], member: bool) -> None:
    assert is_member(TEAMS[team], name, groups) is member


def test_a_team_without_anybody_named_is_nobody_s() -> None:
    assert not is_member(Team(), "ann", ["lab"])


def test_a_person_s_kernels_are_told_of_their_teams_only() -> None:
    [entry] = make_connect_env(VALUES, "ann", [], "PEM")
    assert json.loads(entry["value"]) == {
        "address": "jupyter-connect.sparkyard.svc:15002",
        "teams": ["all", "sales"],
        "user": "ann",
        "authority": "PEM",
    }
    only = VALUES.model_copy(update={"connect": Connect(teams={"sales": TEAMS["sales"]})})
    assert make_connect_env(only, "bob", [], "PEM") == []


def test_a_server_is_to_its_namespace_one_more_person() -> None:
    counted = VALUES.model_copy(update={"person_quota": PersonQuota(enabled=True)})
    made = make_team_objects(PlatformSettings(), counted, "sales", "token", "word")
    names = {(item["kind"], item["metadata"]["name"]): item for item in made}
    assert names.keys() == {
        ("ServiceAccount", "notebook-connect--sales"),
        ("RoleBinding", "notebook-connect--sales"),
        ("Secret", "notebook-token-connect--sales"),
        ("Secret", "spark-rpc-connect--sales"),
        ("Secret", "notebook-settings-connect--sales"),
    }
    settings = parse_settings(names["Secret", "notebook-settings-connect--sales"]["stringData"]["settings"])
    assert settings.lake.s3.secret == "lake-s3-read"
    assert settings.encryption.secret == "spark-rpc-connect--sales"
    assert settings.executor.priority_class == "", "the chart says how large it is, no person's quota"


OWN = {"kind": "user", "name": "ann", "groups": ["lab"], "scopes": ["access:servers!server=ann/", "users:activity!user=ann"]}
TOKENS: dict[str, tuple[dict[str, Any], bool]] = {
    "of ann's server": (OWN, True),
    "of a named server": ({**OWN, "scopes": ["access:servers!server=ann/two"]}, True),
    "that ann made": ({**OWN, "scopes": ["access:servers!user=ann"]}, True),
    "of an administrator": ({**OWN, "scopes": ["access:servers"]}, True),
    "that bob's server has of ann": ({**OWN, "scopes": ["access:servers!server=bob/"]}, False),
    "that a service has of ann": ({**OWN, "scopes": ["access:services!service=wiki", "read:users:name!user=ann"]}, False),
    "of somebody whose name begins so": ({**OWN, "scopes": ["access:servers!server=anna/"]}, False),
    "of a service": ({**OWN, "kind": "service"}, False),
    "of an older hub": ({"kind": "user", "name": "ann"}, False),
}


@pytest.mark.parametrize(("model", "own"), TOKENS.values(), ids=TOKENS.keys())
def test_a_token_counts_as_its_owner_s_only_if_it_opens_their_own_server(model: dict[str, Any], own: bool) -> None:
    assert parse_person(model) == (Person("ann", frozenset({"lab"})) if own else None)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Hub:
    asked, away = 0, False

    def __call__(self, token: str) -> Person | None:
        self.asked += 1
        if self.away:
            raise OSError("connection refused")
        return Person("ann", frozenset()) if token == "anns" else None


def test_the_hub_is_asked_anew_after_a_short_time_and_a_withdrawn_token_is_out() -> None:
    clock, hub = Clock(), Hub()
    tickets = Tickets(hub, clock)
    found = [asyncio.run(tickets.find("anns")) for _ in range(3)]
    assert found == [Person("ann", frozenset())] * 3
    assert hub.asked == 1
    clock.now += FRESH + 1
    asyncio.run(tickets.find("anns"))
    assert hub.asked == 2
    assert asyncio.run(tickets.find("other")) is None


def test_who_is_known_goes_on_while_the_hub_is_away_but_not_for_ever() -> None:
    clock, hub = Clock(), Hub()
    tickets = Tickets(hub, clock)
    asyncio.run(tickets.find("anns"))
    hub.away = True
    clock.now += STALE - 1
    assert asyncio.run(tickets.find("anns")) == Person("ann", frozenset())
    clock.now += 2
    for token in ("anns", "never seen"):
        with pytest.raises(HubAway, match="connection refused"):
            asyncio.run(tickets.find(token))


def test_sessions_are_counted_by_the_id_that_a_request_begins_with() -> None:
    clock = Clock()
    sessions = Sessions(60, ["counted"], clock)
    first, second = (find_session(b"\x0a\x04" + name + b"\x12\x03xyz") for name in (b"aaaa", b"bbbb"))
    assert (first, second) == ("aaaa", "bbbb")
    for session in (first, second, first, ""):
        sessions.note("counted", session, ended=False)
    assert sessions.count("counted") == 2
    sessions.note("counted", second, ended=True)
    assert sessions.count("counted") == 1
    clock.now += 61
    assert sessions.count("counted") == 0


@pytest.mark.parametrize("request_", [b"", b"\x0a", b"\x0a\x24short", b"\x12\x01a"])
def test_what_begins_otherwise_is_no_session(request_: bytes) -> None:
    assert find_session(request_) == ""
