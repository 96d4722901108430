"""Teams that share a Spark Connect server. To their namespace a server is one more person, `connect--<team>`: it gets the same objects and
the same policies bind it, but no person's quota: the chart says how large it is. No person is called that, since a hub's names hold `--`
only as a part of `---<hash>`."""

import json
from collections.abc import Iterable
from typing import Any

from sparkyard.hub.objects import make_objects, make_secret
from sparkyard.hub.pod import make_user_settings
from sparkyard.hub.values import HubValues, Team
from sparkyard.names import NOTEBOOK_CONNECT_ENV
from sparkyard.settings import PlatformSettings, format_settings

Json = dict[str, Any]
EVERYBODY = "*"


def is_member(team: Team, name: str, groups: Iterable[str]) -> bool:
    return name in team.users or EVERYBODY in team.users or bool(set(team.groups) & set(groups))


def make_team_objects(platform: PlatformSettings, values: HubValues, team: str, token: str, word: str) -> list[Json]:
    """What a team's server needs besides its pod and its network, which the chart describes; `token` is what it asks of who calls it."""
    user = f"connect--{team}"
    settings = format_settings(make_user_settings(platform, values, user, counted=False))
    return [
        *(item for item in make_objects(values.namespace, user, token, word) if item["kind"] != "NetworkPolicy"),
        make_secret(values.namespace, f"notebook-settings-{user}", user, settings=settings),
    ]


def make_connect_env(values: HubValues, name: str, groups: Iterable[str], authority: str) -> list[Json]:
    """What a person's kernels have to know; nothing for who is in no team."""
    groups = list(groups)
    teams = [slug for slug, team in sorted(values.connect.teams.items()) if is_member(team, name, groups)]
    if not teams:
        return []
    door = {"address": values.connect.address, "teams": teams, "user": name, "authority": authority}
    return [{"name": NOTEBOOK_CONNECT_ENV, "value": json.dumps(door)}]
