"""Files of a share copied to raw: what a task does with the files it is given, anywhere."""

import errno
import hashlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import NamedTuple

from pyspark import TaskContext

import rawstore
from sharefiles import LOST, PATIENCE

CHUNK = 4 << 20
THREADS = 8  # small files: most of the time is spent waiting for answers
ATTEMPTS = 3
LOCKED = {errno.EBUSY, errno.EACCES, errno.EPERM, errno.ETXTBSY, errno.EAGAIN}
OUTCOMES = "array<struct<number: int, state: string, sha256: string, reason: string>>"

UNSURE = "?"  # in the place of a hash: raw holds a version, and nobody knows which
CHANGING = "still being written"
NO_ACCESS = "locked, or not permitted"
SILENT = "neither read nor written for a while"


class Wanted(NamedTuple):
    """A file as it was listed; `known` is the hash of what raw holds of it, empty where that is nothing, or noted as doubtful."""

    path: str
    size: int
    modified: int
    key: str
    known: str


class Outcome(NamedTuple):
    """What became of the nth file: `copied`, `same` as what raw holds, `gone`, or `left` for the next run."""

    number: int
    state: str
    sha256: str = ""
    reason: str = ""


def copy_files(root: str, store: rawstore.Store, files: Sequence[Wanted], patience: float = PATIENCE) -> list[Outcome]:
    """All of them, several at once; when nothing moves for a while the rest is left."""
    if (task := TaskContext.get()) and task.attemptNumber():  # a try before this one may have copied any of them
        files = [file._replace(known="") for file in files]
    work: SimpleQueue[int] = SimpleQueue()
    done: SimpleQueue[Outcome | Exception] = SimpleQueue()
    moved = [time.monotonic()]
    for number in range(len(files)):
        work.put(number)
    for _ in range(min(THREADS, len(files))):
        threading.Thread(target=_copy_some, args=(root, store, files, work, done, moved), daemon=True).start()
    outcomes: dict[int, Outcome] = {}
    while len(outcomes) < len(files):
        try:
            outcome = done.get(timeout=1)
        except Empty:
            if time.monotonic() - moved[0] > patience:
                break
            continue
        if isinstance(outcome, Exception):
            raise outcome
        outcomes[outcome.number] = outcome
    return [outcomes.get(number) or Outcome(number, "left", reason=SILENT) for number in range(len(files))]


def _copy_some(
    root: str,
    store: rawstore.Store,
    files: Sequence[Wanted],
    work: "SimpleQueue[int]",
    done: "SimpleQueue[Outcome | Exception]",
    moved: list[float],
) -> None:
    def beat() -> None:
        moved[0] = time.monotonic()

    while True:
        try:
            number = work.get_nowait()
        except Empty:
            return
        try:
            done.put(copy_file(root, store, files[number], number, beat))
        except Exception as error:  # of the store: nothing that another run of the task could leave to the next
            done.put(error)
        beat()


def copy_file(root: str, store: rawstore.Store, file: Wanted, number: int, beat: Callable[[], None]) -> Outcome:
    """A server that was away for a moment is asked again; what is locked, gone or on the move is left."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _copy(root, store, file, number, beat)
        except _ShareError as error:
            cause = error.cause
            if cause.errno == errno.ENOENT:
                return Outcome(number, "gone")
            if cause.errno in LOCKED:
                return Outcome(number, "left", reason=NO_ACCESS)
            if cause.errno not in LOST or attempt == ATTEMPTS:
                return Outcome(number, "left", reason=cause.strerror or str(cause))
            time.sleep(attempt * 2)
            beat()
    raise AssertionError


class _ShareError(Exception):
    def __init__(self, cause: OSError) -> None:
        self.cause = cause


def _copy(root: str, store: rawstore.Store, file: Wanted, number: int, beat: Callable[[], None]) -> Outcome:
    source = _Source(os.path.join(root, file.path))
    try:
        if not source.is_as(file):
            return Outcome(number, "left", reason=CHANGING)
        digest, size = hashlib.sha256(), 0
        with rawstore.sink(store, file.key, file.size) as sink:
            while data := source.read():
                beat()
                digest.update(data)
                size += len(data)
                sink.write(data)
                beat()
            if size != file.size or not source.is_as(file):
                return Outcome(number, "left", reason=CHANGING)
            if digest.hexdigest() == file.known:
                return Outcome(number, "same", file.known)
            sink.complete()
        return Outcome(number, "copied", digest.hexdigest())
    finally:
        source.close()


class _Source:
    """A file of the share, whose errors are told apart from those of the store."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self.file = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise _ShareError(error) from error

    def read(self) -> bytes:
        try:
            return os.read(self.file, CHUNK)
        except OSError as error:
            raise _ShareError(error) from error

    def is_as(self, file: Wanted) -> bool:
        """By its path, which tells of the file that stands there now, also when ours was replaced."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _ShareError(error) from error
        return (found.st_size, found.st_mtime_ns) == (file.size, file.modified)

    def close(self) -> None:
        os.close(self.file)
