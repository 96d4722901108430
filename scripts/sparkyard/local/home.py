"""The home of a local lake: its folders, and where it may lie."""

import os
from pathlib import Path

from sparkyard.errors import UsageError
from sparkyard.names import BUCKETS

# SQLite's write-ahead log needs memory shared between processes and honest locks; these have neither.
SHARES = {"cifs", "smb3", "smbfs", "nfs", "nfs4", "9p", "afs", "ceph", "glusterfs", "drvfs", "davfs", "vboxsf"}
LOCAL_FUSE = {"fuse.fuse-overlayfs", "fuse.lxcfs"}
DEFAULT_HOME = Path(".sparkyard")
CONNECTIONS_ENV = "SPARKYARD_CONNECTIONS"  # where SQL connections are: the connection `erp` is connections/erp.toml of the home
SHARES_ENV = "SPARKYARD_SHARES"  # where shares are: the share `risk` is shares/risk/files of the home, a folder or a link


def ensure_home(home: Path) -> Path:
    """The home as an absolute path with its folders; UsageError where a lake cannot live."""
    home = home.expanduser().resolve()
    if kind := network_share(home, _mounts()):
        raise UsageError(
            f"lies on a network share ({kind}); the catalog is a SQLite database and needs a local disk",
            where=f"--home {home}",
            next_command=f"sparkyard run … --home {Path.home() / 'sparkyard-home'}",
        )
    try:
        for folder in (*BUCKETS, "runs"):
            (home / folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=f"--home {home}") from None
    return home


def network_share(path: Path, mounts: str) -> str:
    """The file system type if the mount that holds the path (as /proc/self/mounts tells) is a share, else ''."""
    fields = [line.split() for line in mounts.splitlines()]
    points = {_unescape(field[1]): field[2] for field in fields if len(field) > 2}
    holder = next((str(folder) for folder in (path, *path.parents) if str(folder) in points), "/")
    kind = points.get(holder, "")
    return kind if kind in SHARES or (kind.startswith("fuse") and kind not in LOCAL_FUSE) else ""


def _unescape(text: str) -> str:
    return text.encode().decode("unicode_escape")


def _mounts() -> str:
    mounts = Path("/proc/self/mounts")
    return mounts.read_text() if mounts.exists() else ""


def cache_dir() -> Path:
    """What may be made again at any time: kept outside of the work tree, shared by all homes."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sparkyard"
    return Path(os.environ.get("SPARKYARD_CACHE") or base)
