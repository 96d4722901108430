"""What a share can do, tried from inside a pod: sent there as text, so that it needs Python's standard library alone.

share_probe.py FOLDER ro|rw, where FOLDER holds the share's files. Prints facts as one line of JSON; judges nothing."""

import fcntl
import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

PATIENCE = 20.0  # seconds until a call that does not return counts as hanging
ENTRIES = 10_000
READ = 64 << 20
WRITTEN = 16 << 20
BLOCK = 1 << 20
Facts = dict[str, Any]


def state(root: Path) -> Facts:
    """What the agent says of it, where one mounts it."""
    file = root.parent / "state.json"
    return dict(json.loads(file.read_text())) if file.exists() else {}


def listing(root: Path) -> Facts:
    count = 0
    with os.scandir(root) as entries:
        for _ in entries:
            count += 1
            if count >= ENTRIES:
                break
    return {"entries": count}


def reading(root: Path) -> Facts:
    """From the first files that are found, until enough is read."""
    done, files, begin = 0, 0, time.monotonic()
    for folder, _, names in os.walk(root):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                while done < READ and (block := file.read(BLOCK)):
                    done += len(block)
            files += 1
            if done >= READ or time.monotonic() - begin > PATIENCE / 2:
                return {"files": files, "bytes": done, "seconds": time.monotonic() - begin}
    return {"files": files, "bytes": done, "seconds": time.monotonic() - begin}


def space(root: Path) -> Facts:
    found = os.statvfs(root)
    return {"free": found.f_bavail * found.f_frsize, "total": found.f_blocks * found.f_frsize}


def refusing(root: Path) -> Facts:
    """Whether a share that is to be read-only takes a file."""
    file = root / f"sparkyard-probe-{uuid.uuid4().hex}"
    try:
        file.touch(exist_ok=False)
    except OSError as error:
        return {"refused": os.strerror(error.errno or 0)}
    file.unlink()
    return {"refused": ""}


def writing(folder: Path) -> Facts:
    folder.mkdir()
    block, begin = os.urandom(BLOCK), time.monotonic()
    with open(folder / "written.tmp", "wb") as file:
        for _ in range(WRITTEN // BLOCK):
            file.write(block)
    seconds = time.monotonic() - begin
    same = (folder / "written.tmp").stat().st_size == WRITTEN and (folder / "written.tmp").open("rb").read(BLOCK) == block
    return {"bytes": WRITTEN, "seconds": seconds, "same": same}


def renaming(folder: Path) -> Facts:
    (folder / "old").write_text("old")
    (folder / "new.tmp").write_text("new")
    os.replace(folder / "new.tmp", folder / "old")
    return {"replaced": (folder / "old").read_text() == "new" and not (folder / "new.tmp").exists()}


def folders(folder: Path) -> Facts:
    """As Spark commits: a folder is renamed; here with a file open below it, as an indexer or a virus scanner has."""
    (folder / "task").mkdir()
    (folder / "task" / "part").write_text("x" * 10)
    with open(folder / "task" / "part") as file:
        file.read(1)
        try:
            os.rename(folder / "task", folder / "done")
        except OSError as error:
            return {"refused": os.strerror(error.errno or 0)}
    return {"refused": ""}


def case(folder: Path) -> Facts:
    (folder / "Case").write_text("1")
    return {"insensitive": (folder / "cASE").exists()}


def names(folder: Path) -> Facts:
    wanted = ["with space.csv", "Größe #1 100%.csv", "n" * 200 + ".csv"]
    for name in wanted:
        (folder / name).write_text(name)
    return {"lost": sorted(set(wanted) - set(os.listdir(folder)))}


def locking(folder: Path) -> Facts:
    with open(folder / "locked", "w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return {}


def deleting(folder: Path) -> Facts:
    """Again where it fails: for some seconds a mount may list what was renamed under its old name, too."""
    for pause in (1, 5, 0):
        try:
            remove(folder)
            break
        except OSError:
            if not pause:
                raise
            time.sleep(pause)
    return {}


def remove(folder: Path) -> None:
    for path, below, files in os.walk(folder, topdown=False):
        for name in files:
            os.unlink(os.path.join(path, name))
        for name in below:
            os.rmdir(os.path.join(path, name))
    folder.rmdir()


def attempt(what: Callable[[Path], Facts], path: Path) -> Facts:
    """In a thread that nobody has to wait for: what hangs on a lost server cannot be interrupted."""
    found: Facts = {"hangs": PATIENCE}

    def run() -> None:
        begin = time.monotonic()
        try:
            facts = what(path)
        except Exception as error:
            number = getattr(error, "errno", None)
            facts = {"error": os.strerror(number) if number else f"{type(error).__name__}: {error}"}
        found.pop("hangs", None)
        found.update({"took": round(time.monotonic() - begin, 3), **facts})

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return dict(found)


def probe(root: Path, access: str) -> dict[str, Facts]:
    facts = {"state": attempt(state, root), "list": attempt(listing, root)}
    if not {"error", "hangs"} & facts["list"].keys():
        facts |= {"read": attempt(reading, root), "space": attempt(space, root)}
        facts |= probe_writes(root / f"sparkyard-probe-{uuid.uuid4().hex}") if access == "rw" else {"refuse": attempt(refusing, root)}
    return facts


def probe_writes(folder: Path) -> dict[str, Facts]:
    tries = {"write": writing, "rename": renaming, "folders": folders, "case": case, "names": names, "lock": locking}
    facts = {}
    for name, what in tries.items():
        facts[name] = attempt(what, folder)
        if name == "write" and {"error", "hangs"} & facts[name].keys():
            break
    with suppress(OSError):
        facts["delete"] = attempt(deleting, folder) if folder.exists() else {}
    return facts


if __name__ == "__main__":
    print(json.dumps(probe(Path(sys.argv[1]), sys.argv[2])), flush=True)
    os._exit(0)  # a thread that hangs would keep it
