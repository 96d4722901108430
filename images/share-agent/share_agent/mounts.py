"""Folders and mounts below the root that nodes and consumers share."""

import ctypes
import json
import os
import re
from contextlib import suppress
from pathlib import Path

FILES, STATE = "files", "state.json"
MNT_DETACH = 2
MOUNTS = Path("/proc/self/mountinfo")
libc = ctypes.CDLL(None, use_errno=True)


def list_mounts(root: Path, table: str | None = None) -> list[Path]:
    """FUSE mounts below the root, dead ones too: they are read from the kernel's table and not looked at."""
    found = []
    for line in (MOUNTS.read_text() if table is None else table).splitlines():
        left, _, right = line.partition(" - ")
        place = Path(re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), left.split()[4]))
        if right.startswith("fuse") and place.is_relative_to(root):
            found.append(place)
    return found


def detach(place: Path) -> None:
    """Away at once, also for consumers, whoever still has files open; all layers of it."""
    while place in list_mounts(place):
        if libc.umount2(str(place).encode(), MNT_DETACH):
            raise OSError(ctypes.get_errno(), f"{place} cannot be unmounted: {os.strerror(ctypes.get_errno())}")


def make_folder(folder: Path) -> Path:
    """The folder of a share. What lies under the mountpoint is closed to everybody: a lost share never looks like an empty one."""
    files = folder / FILES
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    files.mkdir(exist_ok=True)
    files.chmod(0)
    return files


def write_state(folder: Path, state: dict[str, str]) -> None:
    """Beside the mountpoint, where jobs read why a share is not there."""
    draft = folder / f".{STATE}"
    draft.write_text(json.dumps(state, indent=2) + "\n")
    draft.chmod(0o644)
    draft.replace(folder / STATE)


def forget_state(folder: Path) -> None:
    with suppress(FileNotFoundError):
        (folder / STATE).unlink()
