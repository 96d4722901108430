"""Files on a Windows share: where it is mounted, whether it answers, and what lies on it.

The share `risk` is the folder /shares/risk/files of driver and executors; where they lie elsewhere, SPARKYARD_SHARES says so. A mount that
has lost its server may hang for ever, so whoever asks it does so in a thread that nobody has to wait for.
"""

import argparse
import errno
import json
import os
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from fnmatch import fnmatch, translate
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from jobkit import InputError

PATIENCE = 25.0  # seconds without a sign of life after which a share counts as lost
THREADS = 16  # folders asked at once: an answer of a share takes a while, however small
PIECE = 1000
NO_NAME = "its name is not UTF-8"
# What programs leave beside the files that they have open, and what Windows keeps for itself.
SCRATCH = ("~$*", ".~lock.*", "*.tmp", "*.part", "*.partial", "*.crdownload", "*._copying_", "thumbs.db", "desktop.ini", ".ds_store")
IS_SCRATCH = re.compile("|".join(map(translate, SCRATCH)))
LOST = {errno.EIO, errno.ENOTCONN, errno.ESTALE, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ETIMEDOUT, errno.ENODEV, errno.ECONNABORTED}


class Listed(NamedTuple):
    """A file as the share told of it; `path` is below the share, `modified` in nanoseconds."""

    path: str
    size: int
    modified: int


class Listing:
    """What was found; `unread` are folders that could not be listed, and files that nothing can name, with the reason."""

    def __init__(self) -> None:
        self.files: list[Listed] = []
        self.folders = 0
        self.ignored = 0
        self.unread: dict[str, str] = {}

    def knows(self, path: str) -> bool:
        """Whether a file of this path would have been seen."""
        return not any(path.startswith(f"{folder}/") for folder in self.unread)


def share_name(text: str) -> str:
    if re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", text):
        return text
    raise argparse.ArgumentTypeError(f"{text} is no name of a share: small letters, digits and dashes")


def folder_of(share: str) -> str:
    return os.path.join(os.environ.get("SPARKYARD_SHARES", "/shares"), share, "files")


def open_share(share: str, patience: float = PATIENCE) -> str:
    """The folder of a share that answers; InputError names the share that does not."""
    folder = folder_of(share)
    answer: SimpleQueue[OSError | None] = SimpleQueue()
    threading.Thread(target=_look, args=(folder, answer), daemon=True).start()
    try:
        trouble = answer.get(timeout=patience)
    except Empty:
        raise lost(share, f"{folder} does not answer within {patience:.0f} s") from None
    if trouble:
        raise lost(share, explain(trouble, folder)) from trouble
    return folder


def _look(folder: str, answer: "SimpleQueue[OSError | None]") -> None:
    try:
        with os.scandir(folder) as entries:
            next(entries, None)
        answer.put(None)
    except OSError as error:
        answer.put(error)


def lost(share: str, why: str) -> InputError:
    """With the words of the agent that mounts it here, where there is one: it knows server and cause."""
    told = said_of(share) or "Is it mounted here, and does its server answer?"
    return InputError(f"share {share}: {why}. {told} sparkyard share test {share}")


def said_of(share: str) -> str | None:
    with suppress(OSError, ValueError, AttributeError), open(os.path.join(os.path.dirname(folder_of(share)), "state.json")) as file:
        state = json.load(file)
        return None if state.get("state") == "mounted" else state.get("message")
    return None


def explain(error: OSError, folder: str) -> str:
    if error.errno == errno.ENOENT:
        return f"{folder} is not there"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{folder} may not be read: nothing is mounted there, or its account lacks the right"
    return f"{folder}: {error.strerror or error}"


def list_files(share: str, folder: str, pattern: str, say: Callable[[str], None], patience: float = PATIENCE) -> Listing:
    """Every file below a folder of the share, with signs of life on the way."""
    root, listing = folder_of(share), Listing()
    asked: SimpleQueue[str | None] = SimpleQueue()
    answers: SimpleQueue[tuple[str, Any]] = SimpleQueue()
    for _ in range(THREADS):
        threading.Thread(target=_read_folders, args=(root, asked, answers), daemon=True).start()
    try:
        asked.put(folder)
        _gather(listing, pattern, asked, answers, say, lambda: lost(share, f"{root} has not answered for {patience:.0f} s"), patience)
    finally:
        for _ in range(THREADS):
            asked.put(None)
    if folder in listing.unread:
        raise lost(share, listing.unread[folder])
    listing.files.sort()
    return listing


def _gather(
    listing: Listing,
    pattern: str,
    asked: "SimpleQueue[str | None]",
    answers: "SimpleQueue[tuple[str, Any]]",
    say: Callable[[str], None],
    give_up: Callable[[], InputError],
    patience: float,
) -> None:
    pending, begin = 1, time.monotonic()
    heard, said = begin, begin - 1  # so that the first word comes soon
    while pending:
        with suppress(Empty):
            kind, what = answers.get(timeout=0.5)
            heard = time.monotonic()
            pending += {"folder": 1, "end": -1}.get(kind, 0)
            _take(listing, pattern, kind, what, asked)
        now = time.monotonic()
        if now - heard > patience:
            raise give_up()
        if now - said > 2:
            said = now
            say(f"{len(listing.files):,} files in {listing.folders:,} folders listed after {now - begin:.0f} s")


def _take(listing: Listing, pattern: str, kind: str, what: Any, asked: "SimpleQueue[str | None]") -> None:
    if kind == "folder":
        asked.put(what)
    elif kind == "files":
        kept = [file for file in what if not is_scratch(file.path) and matches(file.path, pattern)]
        listing.ignored += len(what) - len(kept)
        listing.files += kept
    elif kind == "unnamed":
        listing.unread[what] = NO_NAME
    else:
        folder, trouble = what
        listing.folders += 1
        if trouble:
            listing.unread[folder] = trouble


def look_at(share: str, path: str) -> Listed | None:
    """A file as it is now; None where it is no more."""
    with suppress(OSError):
        found = os.stat(os.path.join(folder_of(share), path))
        return Listed(path, found.st_size, found.st_mtime_ns)
    return None


def matches(path: str, pattern: str) -> bool:
    """As Windows would have it, where Report.CSV is report.csv."""
    return fnmatch(path.casefold(), pattern.casefold())


def is_scratch(path: str) -> bool:
    return IS_SCRATCH.match(path.rpartition("/")[2].casefold()) is not None


def _read_folders(root: str, asked: "SimpleQueue[str | None]", answers: "SimpleQueue[tuple[str, Any]]") -> None:
    while (folder := asked.get()) is not None:
        trouble = ""
        try:
            _read_folder(root, folder, answers)
        except OSError as error:
            trouble = explain(error, os.path.join(root, folder))
        answers.put(("end", (folder, trouble)))


def _read_folder(root: str, folder: str, answers: "SimpleQueue[tuple[str, Any]]") -> None:
    """A large folder is told of piece by piece; links to folders are not followed, for they may lead in a circle."""
    piece: list[Listed] = []
    with os.scandir(os.path.join(root, folder)) as entries:
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if any("\ud800" <= sign <= "\udfff" for sign in entry.name):  # bytes that Python could not read as text: no table takes them
                answers.put(("unnamed", os.fsencode(path).decode(errors="replace")))
            elif entry.is_dir(follow_symlinks=False):
                answers.put(("folder", path))
            elif entry.is_file():
                with suppress(FileNotFoundError):  # gone since the folder was asked
                    found = entry.stat()
                    piece.append(Listed(path, found.st_size, found.st_mtime_ns))
            if len(piece) >= PIECE:
                answers.put(("files", piece))
                piece = []
    answers.put(("files", piece))
