"""Which kernels of this pod live: a small file each, written by the kernel and read by the server, which sweeps up after those that do not.

A kernel counts as living while its process and the JVM below it do: executors of another cannot be of use to anybody."""

import json
import os
import secrets
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

LEDGER = Path(tempfile.gettempdir()) / "sparkyard-kernels"
PROC = Path("/proc")


@dataclass(frozen=True)
class Entry:
    kernel: str  # one run of a kernel's process: a restart is another
    pid: int
    begun: str  # of the process, so that another of the same number is not taken for it
    interface: str = ""  # address of the Spark UI
    door: str = ""  # word in the path that leads there; unlike the kernel's own it stands on no pod


def enter(interface: str = "", entry: Entry | None = None) -> Entry:
    """The kernel that asks; again with the address of its Spark UI once it has one."""
    entry = entry or Entry(secrets.token_hex(6), os.getpid(), read_begin(os.getpid()), door=secrets.token_hex(16))
    entry = replace(entry, interface=interface)
    LEDGER.mkdir(mode=0o700, exist_ok=True)
    draft = LEDGER / f".{entry.kernel}"
    draft.write_text(json.dumps(asdict(entry)))
    draft.replace(LEDGER / f"{entry.kernel}.json")
    return entry


def load_entries() -> list[Entry]:
    return [Entry(**json.loads(file.read_text())) for file in sorted(LEDGER.glob("*.json"))]


def list_living() -> set[str]:
    """Entries of processes that are gone go too."""
    living = set()
    for entry in load_entries():
        if read_begin(entry.pid) != entry.begun:
            (LEDGER / f"{entry.kernel}.json").unlink(missing_ok=True)
        elif has_java(entry.pid):
            living.add(entry.kernel)
    return living


def read_begin(pid: int) -> str:
    """Clock ticks after boot at which it began; empty where it is gone, or dead and not yet buried."""
    fields = read_stat(pid)
    return "" if not fields or fields[0] == "Z" else fields[19]


def has_java(parent: int) -> bool:
    found = (read_stat(int(path.name), "java") for path in PROC.iterdir() if path.name.isdecimal())
    return any(fields and fields[0] != "Z" and fields[1] == str(parent) for fields in found)


def read_stat(pid: int, name: str = "") -> list[str]:
    """What follows the program's name in /proc/<pid>/stat: state, parent, …; nothing for a program of another name than asked for."""
    try:
        told, _, rest = (PROC / str(pid) / "stat").read_text().rpartition(")")
    except OSError:
        return []
    return rest.split() if not name or told.endswith(f"({name}") else []
