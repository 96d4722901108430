"""The share agent's decisions, with neither a server nor a mount: tests/e2e/test_shares.py has both."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sparkyard.project import ROOT

sys.path.insert(0, str(ROOT / "images" / "share-agent"))
from share_agent import __main__ as agent
from share_agent import mounts, status
from share_agent import share as shares
from share_agent.causes import CAUSES, find_cause
from share_agent.place import Place, make_options, parse_places
from share_agent.rclone import RcloneError, make_environment

TABLE = """\
22 1 0:20 / / rw,relatime shared:1 - overlay overlay rw
95 22 0:81 / /shares/sales/files rw,nosuid shared:9 - fuse.rclone //files/Sales rw,user_id=0
96 22 0:82 / /shares/two\\040words/files rw shared:9 - fuse.rclone //files/x rw
97 22 0:83 / /elsewhere rw - fuse.other x rw
98 22 0:84 / /shares/disk rw - ext4 /dev/sda rw
"""
SAID = {
    "dial tcp: lookup nosuch.example.com on 10.90.0.10:53: no such host": "host unknown",
    "couldn't connect SMB: dial tcp 10.0.0.1:445: connect: connection refused": "refused",
    "couldn't connect SMB: dial tcp 192.0.2.1:445: i/o timeout": "timed out",
    "timed out after 30 s": "timed out",
    "couldn't connect SMB: dial tcp 192.0.2.1:445: connect: no route to host": "no route",
    "response error: The attempted logon is invalid. This is either due to a bad username or authentication information.": "logon failure",
    "response error: The user account password has expired.": "password expired",
    "response error: The user password must be changed before logging on the first time.": "password expired",
    "response error: The user account has been automatically locked because too many invalid logon attempts": "account locked",
    "response error: {Network Name Not Found} The specified share name cannot be found on the remote server.": "no such share",
    "directory not found": "no such folder",
    "response error: {Access Denied} A process has requested access to an object": "permission denied",
    "something else": "failed",
}


class FakeRclone:
    """Answers what it is told; `calls` is what it was asked."""

    says: str | None = None
    started = 0

    def __init__(self, name: str, environment: dict[str, str]) -> None:
        FakeRclone.started += 1
        self.alive = True
        self.calls: list[str] = []

    def is_alive(self) -> bool:
        return self.alive

    def call(self, command: str, timeout: float, **parameters: Any) -> dict[str, Any]:
        self.calls.append(command)
        if FakeRclone.says:
            raise RcloneError(FakeRclone.says)
        if command == "mount/mount":
            MOUNTED.add(parameters["mountPoint"])
        return {}

    def stop(self) -> None:
        self.alive = False


MOUNTED: set[str] = set()


@pytest.fixture
def share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> shares.Share:
    """One that has not been looked at yet, with credentials; the clock stands still."""
    MOUNTED.clear()
    FakeRclone.says, FakeRclone.started = None, 0
    now = time.monotonic()
    monkeypatch.setattr(shares, "Rclone", FakeRclone)
    monkeypatch.setattr(shares, "make_environment", lambda *_: {})
    monkeypatch.setattr(shares, "list_mounts", lambda place: [place] if str(place) in MOUNTED else [])
    monkeypatch.setattr(shares, "detach", lambda place: MOUNTED.discard(str(place)))
    monkeypatch.setattr(shares.time, "monotonic", lambda: now)
    write_secret(tmp_path, "right")
    place = Place("sales", "files.example.com", "Sales", "key", str(tmp_path / "root"), subPath="in", namespace="sparkyard-shares")
    return shares.Share(place, tmp_path / "secrets")


def write_secret(folder: Path, password: str) -> None:
    key = folder / "secrets/key"
    key.mkdir(parents=True, exist_ok=True)
    (key / "username").write_text("spark\n")
    (key / "password").write_text(password)


def said(share: shares.Share) -> dict[str, str]:
    return json.loads((share.place.folder / "state.json").read_text())  # type: ignore[no-any-return]


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = shares.time.monotonic() + seconds
    monkeypatch.setattr(shares.time, "monotonic", lambda: now)


@pytest.mark.parametrize(("words", "cause"), SAID.items(), ids=SAID.values())
def test_what_a_server_says_has_a_cause_and_a_way_out(words: str, cause: str) -> None:
    found = find_cause(words)
    assert found.name == cause
    assert found.fix


def test_only_refused_logons_are_not_tried_again_soon() -> None:
    assert {cause.name for cause in CAUSES if cause.final} == {"password expired", "account locked", "logon failure"}


def test_a_share_is_mounted_and_said(share: shares.Share) -> None:
    share.step()
    assert (share.state, said(share)["state"], said(share)["address"]) == ("mounted", "mounted", "//files.example.com/Sales/in")
    assert list(MOUNTED) == [str(share.place.folder / "files")]


def test_under_the_mountpoint_everything_is_closed(share: shares.Share) -> None:
    assert share.files.stat().st_mode & 0o777 == 0
    assert share.place.folder.stat().st_mode & 0o777 == 0o755


def test_what_cannot_be_had_names_share_server_cause_and_the_value_to_change(share: shares.Share) -> None:
    FakeRclone.says = "response error: The attempted logon is invalid."
    share.step()
    message = said(share)["message"]
    assert message.startswith("share sales (//files.example.com/Sales/in): logon failure (response error")
    assert "in the Secret sparkyard-shares/key".replace("the ", "") in message
    assert said(share)["cause"] == "logon failure"


def test_a_refused_logon_waits_for_another_password(share: shares.Share, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    FakeRclone.says = "The attempted logon is invalid."
    share.step()
    asked = len(share.rclone.calls) if share.rclone else 0
    later(monkeypatch, 600)
    share.step()
    assert share.rclone
    assert len(share.rclone.calls) == asked, "each try counts against the account"
    FakeRclone.says = None
    write_secret(tmp_path, "another")
    share.step()
    assert share.state == "mounted"


def test_a_server_that_is_down_is_tried_again(share: shares.Share, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeRclone.says = "connection refused"
    share.step()
    FakeRclone.says = None
    share.step()
    assert share.state == "lost", "not at once"
    later(monkeypatch, shares.PAUSE)
    share.step()
    assert share.state == "mounted"
    assert FakeRclone.started == 1


def test_another_password_means_another_mount(share: shares.Share, tmp_path: Path) -> None:
    share.step()
    first = share.rclone
    share.step()
    assert share.rclone is first
    write_secret(tmp_path, "new")
    share.step()
    assert share.rclone is not first
    assert (share.state, share.mounts) == ("mounted", 2)


def test_a_missing_secret_is_said_and_awaited(share: shares.Share, tmp_path: Path) -> None:
    (tmp_path / "secrets/key/password").unlink()
    share.step()
    assert "create Secret sparkyard-shares/key" in said(share)["message"]
    write_secret(tmp_path, "right")
    share.step()
    assert share.state == "mounted"


def test_a_short_silence_leaves_the_mount_and_a_long_one_takes_it_away(share: shares.Share, monkeypatch: pytest.MonkeyPatch) -> None:
    share.step()
    FakeRclone.says = "i/o timeout"
    share.step()
    assert share.state == "mounted"
    later(monkeypatch, shares.GRACE)
    share.step()
    assert (share.state, MOUNTED, share.losses) == ("lost", set(), 1)
    assert share.rclone is None, "what hangs in it must end"


def test_an_answer_ends_a_silence(share: shares.Share, monkeypatch: pytest.MonkeyPatch) -> None:
    share.step()
    for says in ("i/o timeout", None, "i/o timeout"):
        FakeRclone.says = says
        share.step()
        later(monkeypatch, shares.GRACE - shares.INTERVAL)
    assert share.state == "mounted"


def test_a_mount_that_vanished_comes_back(share: shares.Share) -> None:
    share.step()
    MOUNTED.clear()
    share.step()
    assert share.cause == "mount gone"
    share.step()
    assert share.state == "mounted"


def test_an_agent_that_stops_takes_its_mounts_along(share: shares.Share) -> None:
    share.step()
    share.ended.set()
    share.run()
    assert (MOUNTED, said(share)["cause"]) == (set(), "agent stopped")


def test_mounts_are_read_from_the_kernels_table() -> None:
    assert mounts.list_mounts(Path("/shares"), TABLE) == [Path("/shares/sales/files"), Path("/shares/two words/files")]


def test_a_changed_list_touches_only_what_changed(share: shares.Share, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "Share", lambda place, _: share)
    monkeypatch.setattr(shares.Share, "start", lambda self: None)
    running: dict[Place, shares.Share] = {}
    agent.follow(running, [share.place])
    assert list(running) == [share.place]
    agent.follow(running, [share.place])
    assert not share.ended.is_set()
    monkeypatch.setattr(shares.Share, "join", lambda self, timeout: None)
    agent.follow(running, [])
    assert not running
    assert share.ended.is_set()


def test_the_list_is_what_the_chart_writes() -> None:
    common = {"root": "/var/lib/shares", "uid": 185, "gid": 0, "cacheSeconds": 9, "namespace": "sparkyard-shares"}
    one = {"name": "sales", "server": "files", "port": 4450, "share": "Sales$", "subPath": "a/b", "access": "rw", "secret": "key"}
    [place] = parse_places(json.dumps({**common, "shares": [one]}))
    assert (place.address, place.remote) == ("//files:4450/Sales$/a/b", "share:Sales$/a/b")
    options = make_options(place)
    assert (options["vfsOpt"]["UID"], options["vfsOpt"]["ReadOnly"], options["vfsOpt"]["DirCacheTime"]) == (185, False, "9s")


def test_the_password_is_in_the_environment_alone_and_obscured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("share_agent.rclone.obscure", lambda password: f"<{len(password)}>")
    environment = make_environment("files", 445, {"username": "u", "password": "secret"})
    assert environment["RCLONE_CONFIG_SHARE_PASS"] == "<6>"
    assert "secret" not in environment.values()


def test_metrics_and_readiness(share: shares.Share) -> None:
    all_shares = {share.place: share}
    assert status.find_untried(all_shares) == "sales"
    share.step()
    assert status.find_untried(all_shares) == status.find_stuck(all_shares) == ""
    assert 'sparkyard_share_up{share="sales",server="files.example.com"} 1' in status.format_metrics(all_shares)
