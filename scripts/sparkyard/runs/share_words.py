"""What a probe of a share found, in plain words, each with the value to change. Pure: facts in, findings out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sparkyard.settings import Share

Facts = dict[str, Any]
SLOW = 20e6  # bytes a second; a gigabit network carries 110
FULL = 1 << 30
WRITTEN = 16 << 20  # by the probe
TRYING = {
    "list": "listing its folder",
    "read": "reading",
    "space": "asking for free space",
    "write": "writing a file",
    "rename": "putting a file in another's place",
    "folders": "renaming a folder",
    "case": "names in other letters",
    "names": "unusual names",
    "lock": "locking a file",
    "delete": "deleting",
    "refuse": "writing to a read-only share",
}


@dataclass(frozen=True)
class Finding:
    check: str
    verdict: str  # ok | warn | fail
    words: str
    change: str = ""


def judge(facts: dict[str, Facts], share: Share) -> list[Finding]:
    return list(_judge(facts, share))


def _judge(facts: dict[str, Facts], share: Share) -> Iterator[Finding]:
    for check, found in facts.items():
        if check == "state":
            continue
        if "hangs" in found:
            yield Finding(
                check, "fail", f"{TRYING[check]} does not come back within {found['hangs']:.0f} s", "look at the server and the way to it"
            )
        elif "error" in found:
            yield _refused(check, found["error"], facts, share)
        else:
            yield WORDS[check](found)


def _refused(check: str, error: str, facts: dict[str, Facts], share: Share) -> Finding:
    state, free = facts.get("state", {}), facts.get("space", {}).get("free", FULL)
    if check == "lock":
        return Finding(check, "warn", f"locks are not kept ({error}): two jobs that write one file are not told of each other")
    if check == "list" and state.get("state") == "lost":  # the agent knows more than the kernel tells
        words, _, change = str(state["message"]).partition("; ")
        return Finding(check, "fail", words, change)
    if check in ("write", "rename", "delete") and error in ("Permission denied", "Operation not permitted"):
        return Finding(
            check,
            "fail",
            f"{TRYING[check]} is refused: {error}",
            "give the account the right to write on the share and on its folder, or declare access: ro",
        )
    if check == "write" and (error == "No space left on device" or free < WRITTEN):  # FUSE calls it an I/O error
        return Finding(check, "fail", "the share is full", "free space on the server")
    where = f" ({share.address})" if share.address else ""
    return Finding(
        check,
        "fail",
        f"{TRYING[check]}{where}: {error}",
        "is it mounted on that node? the logs of the agent, or of csi-driver-smb, say why",
    )


def _list(found: Facts) -> Finding:
    words = f"{found['entries']:,} entries in {found['took']:.1f} s"
    if found["entries"]:
        return Finding("list", "ok", words)
    return Finding("list", "warn", "it is empty", "if it should not be: correct share or subPath")


def _read(found: Facts) -> Finding:
    if not found["bytes"]:
        return Finding("read", "ok", "no file with content to read")
    return Finding(
        "read", *_speed("read", found), "" if _is_fast(found) else "look at the network and the server; many small files are slow anywhere"
    )


def _write(found: Facts) -> Finding:
    if not found["same"]:
        return Finding("write", "fail", "what was written does not read back the same", "do not write here; report it")
    return Finding("write", *_speed("written", found))


def _speed(verb: str, found: Facts) -> tuple[str, str]:
    rate = found["bytes"] / max(found["seconds"], 1e-6)
    return "ok" if _is_fast(found) else "warn", f"{found['bytes'] / 1e6:,.0f} MB {verb} at {rate / 1e6:,.0f} MB/s"


def _is_fast(found: Facts) -> bool:
    return bool(found["bytes"] < 1 << 20 or found["bytes"] / max(found["seconds"], 1e-6) >= SLOW)


def _space(found: Facts) -> Finding:
    words = f"{found['free'] / 1e9:,.1f} of {found['total'] / 1e9:,.1f} GB free"
    return Finding("space", "ok", words) if found["free"] >= FULL else Finding("space", "warn", words, "free space on the server")


def _rename(found: Facts) -> Finding:
    words = "a file takes another's place in one step: results can be written under a temporary name"
    return (
        Finding("rename", "ok", words)
        if found["replaced"]
        else Finding("rename", "fail", "a file does not take another's place", "do not write results here")
    )


def _folders(found: Facts) -> Finding:
    if not found["refused"]:
        return Finding("folders", "ok", "a folder can be renamed while a file below it is open")
    words = f"a folder with an open file below it cannot be renamed ({found['refused']}), as on Windows: Spark's own commit may fail here"
    return Finding("folders", "ok", words, "write tables to the lake, and single finished files here")


def _case(found: Facts) -> Finding:
    words = (
        "Name and NAME are one file, as on Windows" if found["insensitive"] else "Name and NAME are two files; Windows clients will see one"
    )
    return Finding("case", "ok" if found["insensitive"] else "warn", words)


def _names(found: Facts) -> Finding:
    if not found["lost"]:
        return Finding("names", "ok", "blanks, umlauts, # and %, 200 letters: all kept")
    return Finding("names", "warn", f"names that come back otherwise: {', '.join(found['lost'])}", "avoid such names")


def _refuse(found: Facts) -> Finding:
    if found["refused"]:
        return Finding("refuse", "ok", f"writing is refused, as declared ({found['refused']})")
    return Finding(
        "refuse", "fail", "it is declared read-only and takes files", "add ro to its mountOptions, or mount it read-only on the nodes"
    )


WORDS: dict[str, Callable[[Facts], Finding]] = {
    "list": _list,
    "read": _read,
    "space": _space,
    "write": _write,
    "rename": _rename,
    "folders": _folders,
    "case": _case,
    "names": _names,
    "refuse": _refuse,
    "lock": lambda _: Finding("lock", "ok", "a lock is granted; with the agent it holds among the pods of one node only"),
    "delete": lambda _: Finding("delete", "ok", "what the test wrote is gone again"),
}
