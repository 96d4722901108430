"""What the chart says of a share and of this node's mounts."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Place:
    name: str
    server: str
    share: str
    secret: str
    root: str
    port: int = 445
    subPath: str = ""
    access: str = "ro"
    namespace: str = ""  # of the Secret
    uid: int = 0
    gid: int = 0
    cacheSeconds: int = 5

    @property
    def address(self) -> str:
        port = "" if self.port == 445 else f":{self.port}"
        return f"//{self.server}{port}/{'/'.join(filter(None, (self.share, self.subPath)))}"

    @property
    def folder(self) -> Path:
        return Path(self.root) / self.name

    @property
    def remote(self) -> str:
        """As rclone names it; the remote `share` stands in its environment."""
        return f"share:{self.share}/{self.subPath}".rstrip("/")


def parse_places(text: str) -> list[Place]:
    config = json.loads(text)
    return [Place(**{**_known(config), **_known(share)}) for share in config["shares"]]


def _known(said: dict[str, Any]) -> dict[str, Any]:
    return {field.name: said[field.name] for field in fields(Place) if field.name in said}


def make_options(place: Place) -> dict[str, Any]:
    """What is written goes to the server before a file is closed, or closing fails: nothing is kept here and lost later."""
    vfs = {
        "CacheMode": "off",
        "DirCacheTime": f"{place.cacheSeconds}s",
        "PollInterval": "0s",
        "ReadOnly": place.access == "ro",
        "CaseInsensitive": True,
        "UID": place.uid,
        "GID": place.gid,
        "FilePerms": "0664",
        "DirPerms": "0775",
    }
    mount = {"AllowOther": True, "DefaultPermissions": True, "AttrTimeout": "1s", "DeviceName": place.address}
    return {"vfsOpt": vfs, "mountOpt": mount}
