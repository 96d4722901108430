"""A bucket of an S3-compatible store, spoken to with the key in the environment (AWS_ACCESS_KEY_ID …), as S3A itself does it."""

import hashlib
import hmac
import http.client
import os
import re
import threading
import time
from calendar import timegm
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree

PART = 16 << 20  # what is held in memory; a file up to this size is one request
AT_ONCE = 2  # parts on their way while the next one is read
ATTEMPTS = 4
SILENT = 1800  # seconds: who has sent no part for so long is dead; a store takes no request from a clock that is 900 off
PAGE = 1000
KEY = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
AGAIN = {429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Bucket:
    endpoint: str
    region: str
    bucket: str
    folder: str
    path_style: bool

    def make_sink(self, key: str, size: int) -> "BucketSink":
        return BucketSink(self, f"{self.folder}/{key}".strip("/"), size)

    def sweep(self) -> int:
        """A run that was killed leaves parts that nobody sees and the store keeps: away with them."""
        begun = {"uploads": "", "prefix": f"{self.folder}/".lstrip("/"), "max-uploads": str(PAGE)}
        dead = [(key, upload) for key, upload, at in self._list("", begun, "Upload", "Key", "UploadId", "Initiated") if is_old(at)]
        dead = [upload for upload in dead if all(is_old(at) for (at,) in self._parts(*upload))]
        for key, upload in dead:
            self.ask("DELETE", key, {"uploadId": upload})
        return len(dead)

    def _parts(self, key: str, upload: str) -> Iterator[list[str]]:
        return self._list(key, {"uploadId": upload, "max-parts": str(PAGE)}, "Part", "LastModified")

    def _list(self, key: str, query: dict[str, str], kind: str, *fields: str) -> Iterator[list[str]]:
        """Page by page; the end of one is where the next begins. By keys alone: not every store takes its own mark of an upload again."""
        while True:
            page = ElementTree.fromstring(self.ask("GET", key, query)[1])
            for found in page.iterfind(f"{{*}}{kind}"):
                yield [found.findtext(f"{{*}}{field}", "") for field in fields]
            if page.findtext("{*}IsTruncated") != "true":
                return
            marks = {"key-marker": "NextKeyMarker", "part-number-marker": "NextPartNumberMarker"}
            query = query | {mark: text for mark, name in marks.items() if (text := page.findtext(f"{{*}}{name}"))}

    def address(self, key: str) -> tuple[str, str]:
        """Host and path of an object."""
        host = urlsplit(self.endpoint).netloc
        return (host, quote(f"/{self.bucket}/{key}")) if self.path_style else (f"{self.bucket}.{host}", quote(f"/{key}"))

    def ask(self, method: str, key: str, query: Mapping[str, str] | None = None, body: bytes = b"") -> tuple[str, str]:
        """One request, again where the store is busy or away for a moment: (ETag, answer)."""
        for attempt in range(1, ATTEMPTS + 1):
            trouble = ""
            try:
                status, etag, answer = self._ask_once(method, key, urlencode(sorted((query or {}).items()), quote_via=quote), body)
            except (OSError, http.client.HTTPException) as error:
                status, etag, answer, trouble = 0, "", "", f"{type(error).__name__}: {error}"
            if 200 <= status < 300 and "<Error>" not in answer[:200]:  # a completion may fail after its 200
                return etag, answer
            if attempt == ATTEMPTS or (status not in AGAIN and not trouble):
                break
            time.sleep(2 ** (attempt - 1) - 1)  # at once first: a connection kept open may have been closed
        said = re.findall(r"<(?:Code|Message)>([^<]*)", answer)
        raise OSError(f"{self.endpoint} refused {method} s3a://{self.bucket}/{key}: {trouble or ' '.join([str(status), *said])}")

    def _ask_once(self, method: str, key: str, query: str, body: bytes) -> tuple[int, str, str]:
        host, path = self.address(key)
        connection = connect(urlsplit(self.endpoint).scheme, host)
        try:
            connection.request(method, f"{path}?{query}" if query else path, body, sign(self.region, method, host, path, query, body))
            response = connection.getresponse()
            return response.status, response.headers.get("ETag", ""), response.read().decode(errors="replace")
        except BaseException:
            connection.close()  # and opened anew by the next request
            raise


class BucketSink:
    """A small file is one request; of a larger one the parts travel while it is read, and the last request makes it visible."""

    def __init__(self, bucket: Bucket, key: str, size: int) -> None:
        self.bucket, self.key = bucket, key
        self.part = max(PART, -(-size // 9000))  # a store takes 10,000 parts
        self.held = bytearray()
        self.upload = ""
        self.sent: list[Future[str]] = []
        self.threads = ThreadPoolExecutor(AT_ONCE) if size > self.part else None

    def write(self, data: bytes) -> None:
        self.held += data
        if len(self.held) >= self.part and self.threads:
            self._send()

    def _send(self) -> None:
        if not self.upload:
            self.upload = re.findall("<UploadId>([^<]+)", self.bucket.ask("POST", self.key, {"uploads": ""})[1])[0]
        if len(self.sent) >= AT_ONCE:
            self.sent[-AT_ONCE].result()  # no more in memory than that
        query = {"partNumber": str(len(self.sent) + 1), "uploadId": self.upload}
        assert self.threads
        self.sent.append(self.threads.submit(lambda data: self.bucket.ask("PUT", self.key, query, data)[0], bytes(self.held)))
        self.held.clear()

    def complete(self) -> None:
        if not self.upload:
            self.bucket.ask("PUT", self.key, None, bytes(self.held))
            return
        if self.held:
            self._send()
        etags = [part.result() for part in self.sent]
        parts = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>" for n, etag in enumerate(etags, 1))
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        self.bucket.ask("POST", self.key, {"uploadId": self.upload}, body)
        self.upload = ""

    def discard(self) -> None:
        if self.threads:
            self.threads.shutdown(cancel_futures=True)
        if self.upload:
            with suppress(OSError):  # a later run sweeps it
                self.bucket.ask("DELETE", self.key, {"uploadId": self.upload})


def is_old(moment: str) -> bool:
    return time.time() - timegm(time.strptime(moment[:19], "%Y-%m-%dT%H:%M:%S")) > SILENT


LOCAL = threading.local()


def connect(scheme: str, host: str) -> Any:
    """This thread's connection, kept open: small files are many requests."""
    known = LOCAL.__dict__.setdefault("connections", {})
    if (scheme, host) not in known:
        kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
        known[scheme, host] = kind(host, timeout=60)
    return known[scheme, host]


def sign(region: str, method: str, host: str, path: str, query: str, body: bytes) -> dict[str, str]:
    """AWS signature, version 4."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    payload = hashlib.sha256(body).hexdigest()
    headers = {"host": host, "x-amz-content-sha256": payload, "x-amz-date": stamp}
    if token := os.environ.get("AWS_SESSION_TOKEN"):
        headers["x-amz-security-token"] = token
    names = ";".join(sorted(headers))
    asked = "\n".join([method, path, query, *(f"{name}:{headers[name]}" for name in sorted(headers)), "", names, payload])
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(asked.encode()).hexdigest()])
    key = f"AWS4{os.environ[KEY[1]]}".encode()
    for word in scope.split("/"):
        key = hmac.digest(key, word.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"{os.environ[KEY[0]]}/{scope}"
    return headers | {"Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"}
