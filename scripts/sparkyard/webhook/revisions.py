"""The defaults of yesterday: applications keep those they were born with, so each revision is remembered in one ConfigMap."""

import json
from dataclasses import dataclass, field
from datetime import datetime

from sparkyard.settings import GENERATION, PlatformSettings, format_settings, parse_settings, revision
from sparkyard.webhook.api import ApiServer, Json

KEPT = 100


@dataclass
class Revisions:
    current: PlatformSettings
    api: ApiServer | None = None
    config_map: str = ""  # path of the API
    known: dict[str, PlatformSettings] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.known[revision(self.current)] = self.current

    def find(self, name: str) -> PlatformSettings | None:
        """The settings of a revision, or None if they are lost or were another generation's, whose defaults nobody can tell any more."""
        if name not in self.known and self.api and name.startswith(f"{GENERATION}-"):
            self._read(self.api.get(self.config_map))
        return self.known.get(name)

    def remember(self, now: datetime) -> None:
        """Write down the current revision, before any application names it."""
        if self.api:
            self._read(self.api.update(self.config_map, lambda config_map: with_revision(config_map, self.current, now)))

    def _read(self, config_map: Json) -> None:
        for name, text in (config_map.get("data") or {}).items():
            if name.startswith(f"{GENERATION}-") and name not in self.known:
                self.known[name] = parse_settings(json.dumps(json.loads(text)["settings"]), name)


def with_revision(config_map: Json, settings: PlatformSettings, now: datetime) -> Json | None:
    """The ConfigMap that holds this revision too, the oldest making room; None if it is there."""
    data, name = config_map.get("data") or {}, revision(settings)
    if name in data:
        return None
    entry = json.dumps({"since": now.isoformat(timespec="seconds"), "settings": json.loads(format_settings(settings))})
    newest = sorted(data, key=lambda key: str(json.loads(data[key])["since"]))[-(KEPT - 1) :]
    return {**config_map, "data": {**{key: data[key] for key in newest}, name: entry}}
