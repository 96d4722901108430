from pathlib import Path

import pytest

from sparkyard.errors import UsageError
from sparkyard.local import home

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
//server/share /mnt/share cifs rw 0 0
remote:/x /mnt/with\\040space nfs4 rw 0 0
rclone /mnt/fuse fuse.rclone rw 0 0
overlay /var/lib fuse.fuse-overlayfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/me/.sparkyard", ""),
        ("/mnt/share", "cifs"),
        ("/mnt/share/deep/er", "cifs"),
        ("/mnt/shared", ""),
        ("/mnt/with space/x", "nfs4"),
        ("/mnt/fuse/x", "fuse.rclone"),
        ("/var/lib/x", ""),
    ],
)
def test_shares_are_known_by_the_mount_that_holds_them(path: str, kind: str) -> None:
    assert home.network_share(Path(path), MOUNTS) == kind


def test_a_home_on_a_share_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(home, "_mounts", lambda: f"//server/share {tmp_path} cifs rw 0 0\n")
    with pytest.raises(UsageError, match="lies on a network share \\(cifs\\)"):
        home.ensure_home(tmp_path / "yard")


def test_a_home_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        home.ensure_home(tmp_path / "file" / "yard")
