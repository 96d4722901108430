"""One share on this node: mounted while it can be had, away and explained while it cannot."""

import logging
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from share_agent.causes import GONE, NO_CREDENTIALS, STOPPED, Cause, find_cause, format_message
from share_agent.mounts import detach, list_mounts, make_folder, write_state
from share_agent.place import Place, make_options
from share_agent.rclone import Rclone, RcloneError, make_environment

log = logging.getLogger("shares")
INTERVAL = 5.0  # seconds between looks
ANSWER = 15.0  # seconds a server gets to answer; a busy one needs some
GRACE = 20.0  # seconds without an answer until the mount is taken away, so that nobody waits for it any longer
PAUSE = 10.0  # seconds until a share that cannot be had is tried again
FINAL_PAUSE = 900.0  # the same where the server refused the logon
KEYS = ("username", "password", "domain")


@dataclass(eq=False)
class Share(threading.Thread):
    place: Place
    secrets: Path
    state: str = "new"
    cause: str = ""
    mounts: int = 0
    losses: int = 0
    looked: float = field(default_factory=time.monotonic)
    used: dict[str, str] | None = None
    rclone: Rclone | None = None
    not_before: float = 0
    silent_since: float | None = None

    def __post_init__(self) -> None:
        super().__init__(name=self.place.name, daemon=True)
        self.ended = threading.Event()
        self.files = make_folder(self.place.folder)

    def run(self) -> None:
        while not self.ended.is_set():
            try:
                self.step()
            except Exception:
                log.exception("share %s: a mistake of ours", self.place.name)
            self.looked = time.monotonic()
            self.ended.wait(INTERVAL)
        self.lose(STOPPED)

    def step(self) -> None:
        credentials = self.read_credentials()
        if credentials != self.used:
            self.let_go()
            self.used, self.not_before = credentials, 0
        if credentials is None:
            self.lose(NO_CREDENTIALS)
        elif self.state == "mounted" and self.rclone:
            self.look_after(self.rclone)
        elif time.monotonic() >= self.not_before:
            self.try_to_mount(credentials)

    def read_credentials(self) -> dict[str, str] | None:
        folder = self.secrets / self.place.secret
        found = {key: (folder / key).read_text().strip("\r\n") for key in KEYS if (folder / key).exists()}
        return found if found.get("username") and "password" in found else None

    def try_to_mount(self, credentials: dict[str, str]) -> None:
        place = self.place
        try:
            if self.rclone is None or not self.rclone.is_alive():
                self.rclone = Rclone(place.name, make_environment(place.server, place.port, credentials))
            self.rclone.call("operations/about", 3 * ANSWER, fs=place.remote)
            self.rclone.call("operations/list", 6 * ANSWER, fs=place.remote, remote="", opt={"dirsOnly": True, "noModTime": True})
            self.rclone.call("mount/mount", ANSWER, fs=place.remote, mountPoint=str(self.files), mountType="mount", **make_options(place))
        except RcloneError as error:
            self.lose(find_cause(str(error)), str(error))
            return
        self.mounts, self.silent_since = self.mounts + 1, None
        self.tell(
            "mounted", "", f"share {place.name} ({place.address}): mounted, {'read-only' if place.access == 'ro' else 'read and write'}"
        )

    def look_after(self, rclone: Rclone) -> None:
        if not rclone.is_alive() or self.files not in list_mounts(self.files):
            self.lose(GONE)
            self.not_before = 0
            return
        try:
            rclone.call("operations/about", ANSWER, fs=self.place.remote)
            self.silent_since = None
        except RcloneError as error:
            cause, now = find_cause(str(error)), time.monotonic()
            self.silent_since = self.silent_since or now
            if cause.final or now - self.silent_since >= GRACE - INTERVAL:
                self.lose(cause, str(error))

    def lose(self, cause: Cause, said: str = "") -> None:
        if self.state == "mounted" or cause is STOPPED:
            self.let_go()
        self.not_before = time.monotonic() + (FINAL_PAUSE if cause.final else PAUSE)
        secret = f"{self.place.namespace}/{self.place.secret}"
        self.tell("lost", cause.name, format_message(self.place.name, self.place.address, cause, said, secret))

    def let_go(self) -> None:
        """First the mount, so that nobody begins to wait for it; then rclone, and with it what others wait for already."""
        detach(self.files)
        if self.rclone:
            self.rclone.stop()
        self.rclone = None

    def tell(self, state: str, cause: str, message: str) -> None:
        if (state, cause) == (self.state, self.cause):
            return
        self.losses += state == "lost" and self.state == "mounted"
        self.state, self.cause = state, cause
        log.log(logging.INFO if state == "mounted" else logging.WARNING, "%s", message)
        said = {"share": self.place.name, "address": self.place.address, "state": state, "cause": cause, "message": message}
        write_state(self.place.folder, {**said, "since": datetime.now(UTC).isoformat(timespec="seconds")})
