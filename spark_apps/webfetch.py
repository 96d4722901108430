"""A file from an HTTP server, whole or not at all: length, time and the checksums inside a ZIP are looked at."""

import argparse
import hashlib
import http.client
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any
from urllib.parse import urlsplit

from jobkit import InputError

ATTEMPTS = 3
AGAIN = {429, 500, 502, 503, 504}
PART = 1 << 16


def address(text: str) -> str:
    """An argument that is an HTTP address."""
    place = urlsplit(text)
    if place.scheme not in ("http", "https") or not place.hostname:
        raise argparse.ArgumentTypeError(f"{text} is no address http://… or https://…")
    return text


class Answer:
    """An answer whose body has not been read yet; 304 has none."""

    def __init__(self, url: str, response: Any, status: int) -> None:
        self.url, self.response, self.status = url, response, status

    def header(self, name: str) -> str | None:
        return str(self.response.headers[name]) if self.response.headers[name] else None

    def save(self, file: IO[bytes], timeout: float) -> int:
        """The size of the body, which is in the file then; InputError where it is not all there, or takes too long."""
        size, end = 0, time.monotonic() + timeout
        try:
            while data := self.response.read1(PART):
                size += file.write(data)
                if time.monotonic() > end:
                    raise InputError(f"{self.url}: not done in {timeout:g} seconds, after {size:,} bytes; raw is as it was")
        except (OSError, http.client.HTTPException) as error:
            raise InputError(f"{self.url}: cut off after {size:,} bytes ({describe(error)}); raw is as it was") from error
        wanted = self.header("Content-Length")
        if wanted is not None and size != int(wanted):
            raise InputError(f"{self.url}: {size:,} bytes came of the {int(wanted):,} that were said; raw is as it was")
        return size

    def __enter__(self) -> "Answer":
        return self

    def __exit__(self, *_: object) -> None:
        self.response.close()


def ask(url: str, headers: Mapping[str, str], patience: float) -> Answer:
    """Again where the server is busy or away for a moment."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            request = urllib.request.Request(url, headers=dict(headers))
            return Answer(url, urllib.request.urlopen(request, timeout=patience), 200)
        except urllib.error.HTTPError as error:
            if error.code == 304:
                return Answer(url, error, 304)
            if error.code not in AGAIN or attempt == ATTEMPTS:
                raise InputError(f"{url}: the server says {error.code} {error.reason}; raw is as it was") from error
        except (OSError, http.client.HTTPException) as error:
            if attempt == ATTEMPTS:
                raise InputError(f"{url}: no answer ({describe(error)}); raw is as it was") from error
        time.sleep(attempt - 0.5)
    raise AssertionError


def describe(error: BaseException) -> str:
    return str(getattr(error, "reason", "") or error) or type(error).__name__


@contextmanager
def open_member(file: IO[bytes], name: str, url: str) -> Iterator[tuple[IO[bytes], int]]:
    """A file inside a ZIP, by its name without folders, and its size."""
    file.seek(0)
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        raise InputError(f"{url}: what came is no whole ZIP file ({error}); raw is as it was") from error
    with archive:
        found = [member for member in archive.infolist() if member.filename.rpartition("/")[2] == name and member.file_size]
        if len(found) != 1:
            raise InputError(f"{url}: expected one {name} with content in the ZIP file, found {len(found)}; raw is as it was")
        with archive.open(found[0]) as member:
            yield member, found[0].file_size


def find_digest(file: IO[bytes], name: str, url: str) -> str:
    """SHA-256 of a file inside a ZIP, all of which is read, so that its checksums are looked at."""
    digest = hashlib.sha256()
    with open_member(file, name, url) as (member, _):
        while data := read_part(member, PART, url):
            digest.update(data)
    return digest.hexdigest()


def read_part(member: IO[bytes], size: int, url: str) -> bytes:
    try:
        return member.read(size)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise InputError(f"{url}: the ZIP file is broken ({error}); raw is as it was") from error
