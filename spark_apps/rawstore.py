"""Files written to raw, byte for byte: a file appears under its name whole, or not at all.

Spark reads any file of raw and writes none byte for byte, so this writes where the session's own settings say that s3a://… lies: a
folder of this machine, or a bucket.
"""

import hashlib
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

import rawbucket
from jobkit import InputError, Job

LONGEST = 200  # bytes of a name, and four times that of a path: a store takes 255 and 1024
DRAFT = ".landing-"
MARK = "~"  # before a name that Spark would not see


class Sink(Protocol):
    def write(self, data: bytes) -> None: ...
    def complete(self) -> None: ...
    def discard(self) -> None: ...


class Store(Protocol):
    def make_sink(self, key: str, size: int) -> Sink: ...
    def sweep(self) -> int: ...  # what runs that were killed left half written, away; how many


def open_store(spark: SparkSession, uri: str) -> "Store":
    """The place that s3a://bucket/folder/ is, by the settings of this session."""
    place = urlsplit(uri)
    if place.scheme != "s3a" or not place.netloc:
        raise InputError(f"{uri}: raw files go to s3a://<bucket>/<folder>/")
    bucket, folder = place.netloc, unquote(place.path).strip("/")

    def told(name: str) -> str:
        return spark.conf.get(f"spark.hadoop.fs.{name}", "") or ""

    if link := told(f"viewfs.mounttable.{bucket}.linkFallback"):
        return Folder(os.path.join(unquote(urlsplit(link).path), folder))
    region = told("s3a.endpoint.region") or "us-east-1"
    endpoint = told(f"s3a.bucket.{bucket}.endpoint") or told("s3a.endpoint") or f"https://s3.{region}.amazonaws.com"
    endpoint = endpoint if "://" in endpoint else f"https://{endpoint}"
    if missing := [name for name in rawbucket.KEY if name not in os.environ]:
        raise InputError(
            f"{uri} cannot be written: {', '.join(missing)} not in the environment; the job must name a Secret that may write raw"
        )
    return rawbucket.Bucket(endpoint, region, bucket, folder, told("s3a.path.style.access") == "true")


def sweep(spark: SparkSession, uri: str, job: Job) -> None:
    """What runs that were killed left half written there; that a store does not say is no reason to fail."""
    try:
        if swept := open_store(spark, uri).sweep():
            job.facts["drafts_swept"] = swept
    except OSError as error:
        print(f"raw is not looked through for what runs that were killed have left: {error}", flush=True)


@contextmanager
def sink(store: Store, key: str, size: int) -> Iterator[Sink]:
    """What is not completed leaves nothing behind."""
    opened = store.make_sink(key, size)
    try:
        yield opened
    finally:
        opened.discard()


@dataclass(frozen=True)
class Folder:
    root: str

    def make_sink(self, key: str, size: int) -> Sink:
        return FolderSink(Path(self.root), key)

    def sweep(self) -> int:
        dead = [draft for draft in Path(self.root).glob(f"{DRAFT}*") if time.time() - draft.stat().st_mtime > rawbucket.SILENT]
        for draft in dead:
            draft.unlink(missing_ok=True)
        return len(dead)


class FolderSink:
    """Written beside, put in place in one step. Spark does not see what begins with a dot."""

    def __init__(self, root: Path, key: str) -> None:
        self.target = root / key
        self.draft = root / f"{DRAFT}{uuid.uuid4().hex}"
        root.mkdir(parents=True, exist_ok=True)
        self.file = self.draft.open("wb", buffering=0)

    def write(self, data: bytes) -> None:
        self.file.write(data)

    def complete(self) -> None:
        self.file.close()
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.draft.replace(self.target)

    def discard(self) -> None:
        self.file.close()
        self.draft.unlink(missing_ok=True)


def make_key(path: str) -> str:
    """The file's own path, in names that Spark sees; where that is longer than a store can hold, its beginning and a hash."""
    names = [shorten(mark(name), LONGEST) for name in path.split("/")]
    whole = "/".join(names)
    return whole if len(whole.encode()) <= 4 * LONGEST else f"{names[0]}/{shorten(mark(path.replace('/', '_')), LONGEST)}"


def mark(name: str) -> str:
    """A name that Spark sees; one that looks as if it were marked is marked as well, so that no two names become one."""
    return MARK + name if is_hidden(name.lstrip(MARK)) else name


def is_hidden(key: str) -> bool:
    """Whether Spark passes over such a file, or a folder on the way to it, without a word."""
    return any(name.startswith(".") or (name.startswith("_") and "=" not in name) for name in key.split("/"))


def share_name(name: Column) -> Column:
    """A name in raw as the share has it."""
    return F.regexp_replace(name, f"^{MARK}({MARK}*[._])", "$1")


def shorten(name: str, longest: int) -> str:
    if len(name.encode()) <= longest:
        return name
    stem, dot, ending = name.rpartition(".")
    ending = f".{ending}" if dot and len(ending) < 12 else ""
    kept = (stem if ending else name).encode()[: longest - 30].decode(errors="ignore")
    return f"{kept}~{hashlib.sha256(name.encode()).hexdigest()[:12]}{ending}"
