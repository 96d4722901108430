"""Files to a bucket: against a real S3-compatible store, in one request, in parts, and with what goes wrong on the way."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from charts.apiserver import free_port, get_tool, running

import jobkit
import rawbucket
import rawstore

KEYS = {"AWS_ACCESS_KEY_ID": "share", "AWS_SECRET_ACCESS_KEY": "share-secret"}


class Session:
    """What open_store asks of a Spark session."""

    def __init__(self, **said: str) -> None:
        self.conf = {f"spark.hadoop.fs.{name.replace('__', '.')}": value for name, value in said.items()}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("s3")
    for name in ("metadata", "buckets/raw"):
        (folder / name).mkdir(parents=True)
    port = free_port()
    access = ["--access", KEYS["AWS_ACCESS_KEY_ID"], "--secret", KEYS["AWS_SECRET_ACCESS_KEY"], "--port", f"127.0.0.1:{port}"]
    served = ["posix", "--sidecar", str(folder / "metadata"), str(folder / "buckets")]
    with running([str(get_tool("versitygw", "versitygw")), *access, "--quiet", *served], folder / "log"):
        wait_for(port)
        yield f"http://127.0.0.1:{port}", folder / "buckets/raw"


def wait_for(port: int) -> None:
    for _ in range(200):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)


@pytest.fixture
def store(gateway: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, sleep_as: Callable[..., None]) -> Any:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    sleep_as(rawbucket, lambda seconds: time.sleep(min(seconds, 0.1)))
    session = Session(s3a__endpoint=gateway[0], s3a__path__style__access="true")
    return rawstore.open_store(session, "s3a://raw/risk/")


def put(store: Any, key: str, content: bytes, complete: bool = True, piece: int = 1 << 20) -> None:
    with rawstore.sink(store, key, len(content)) as sink:
        for begin in range(0, len(content), piece):
            sink.write(content[begin : begin + piece])
        if complete:
            sink.complete()


def files(gateway: tuple[str, Path]) -> dict[str, bytes]:
    return {str(file.relative_to(gateway[1])): file.read_bytes() for file in gateway[1].rglob("*") if file.is_file()}


NAMES = ["a.csv", "a b/ü #1 100%.csv", "x[1]{2}+&=;'~.bin", "日本/é\u0301,@:$!().csv"]


@pytest.mark.parametrize("name", NAMES)
def test_a_small_file_is_one_request(gateway: tuple[str, Path], store: Any, name: str) -> None:
    put(store, name, name.encode())
    assert files(gateway)[f"risk/{name}"] == name.encode()


def test_an_empty_file(gateway: tuple[str, Path], store: Any) -> None:
    put(store, "empty", b"")
    assert files(gateway)["risk/empty"] == b""


def test_a_large_file_travels_in_parts_and_appears_at_the_end(gateway: tuple[str, Path], store: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(rawbucket, "PART", 5 << 20)  # the least that a store takes
    content = os.urandom(17 << 20)
    with rawstore.sink(store, "large", len(content)) as sink:
        for begin in range(0, len(content), 1 << 20):
            sink.write(content[begin : begin + (1 << 20)])
        assert "risk/large" not in files(gateway)
        sink.complete()
    assert files(gateway)["risk/large"] == content


def test_what_is_not_completed_was_never_there(gateway: tuple[str, Path], store: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(rawbucket, "PART", 5 << 20)
    put(store, "kept", b"old")
    for content in (b"new", os.urandom(11 << 20)):
        put(store, "kept", content, complete=False)
    assert files(gateway)["risk/kept"] == b"old"
    assert not [name for name in files(gateway) if "multipart" in name.lower()], "parts are taken away"


def begin(store: Any, key: str) -> None:
    """As a run that is killed in the middle of a file: parts are there, and nobody takes them away."""
    sink = store.make_sink(key, 11 << 20)
    for _ in range(2):
        sink.write(b"x" * (5 << 20))
    sink.threads.shutdown()


def age(gateway: tuple[str, Path], what: str) -> None:
    for path in (gateway[1] / ".sgwtmp/multipart").glob(what):
        os.utime(path, (time.time() - 3600,) * 2)


def test_what_a_killed_run_left_is_swept_when_nobody_goes_on_with_it(gateway: tuple[str, Path], store: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(rawbucket, "PART", 5 << 20)
    monkeypatch.setattr(rawbucket, "PAGE", 1)
    for key in ("a", "ü & <1>", "b"):
        begin(store, key)
    other = rawbucket.Bucket(store.endpoint, store.region, "raw", "risky", True)
    begin(other, "c")
    assert store.sweep() == 0, "who began a moment ago may live"
    age(gateway, "*/*")
    assert store.sweep() == 0, "who sent a part a moment ago may live"
    age(gateway, "*/*/*")
    age(gateway, "*/*")
    assert store.sweep() == 3
    assert store.sweep() == 0
    assert other.sweep() == 1, "each folder has its own"
    assert not list((gateway[1] / ".sgwtmp/multipart").glob("*/*/*"))


def test_a_wrong_key_is_told_in_the_words_of_the_store(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(OSError, match=r"refused PUT s3a://raw/risk/a: 403 SignatureDoesNotMatch"):
        put(store, "a", b"a")


def test_no_key_is_told_before_anything_is_read(store: Any, gateway: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(jobkit.InputError, match=r"s3a://raw/risk/ cannot be written: AWS_ACCESS_KEY_ID not in the environment"):
        rawstore.open_store(Session(s3a__endpoint=gateway[0]), "s3a://raw/risk/")


@pytest.mark.parametrize("uri", ["raw/x", "file:///raw", "s3a://"])
def test_only_buckets_are_raw(uri: str) -> None:
    with pytest.raises(jobkit.InputError, match=r"raw files go to s3a://"):
        rawstore.open_store(Session(), uri)


def test_where_a_bucket_lies_is_what_the_session_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    folder = rawstore.open_store(Session(viewfs__mounttable__raw__linkFallback="file:///a%20b/raw"), "s3a://raw/risk")
    assert folder == rawstore.Folder("/a b/raw/risk")
    amazon = rawstore.open_store(Session(s3a__endpoint__region="eu-west-1"), "s3a://raw/risk")
    assert amazon.address("a b") == ("raw.s3.eu-west-1.amazonaws.com", "/a%20b")
    own = rawstore.open_store(Session(s3a__endpoint="https://all", s3a__bucket__raw__endpoint="https://own"), "s3a://raw/risk")
    assert own.address("a") == ("raw.own", "/a")


class Busy(BaseHTTPRequestHandler):
    """Closes the first connection without a word, is busy at the second, and then takes what comes."""

    protocol_version = "HTTP/1.1"
    asked = 0

    def do_PUT(self) -> None:
        Busy.asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        if Busy.asked == 1:
            self.close_connection = True
            return
        self.send_response(503 if Busy.asked == 2 else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


def test_a_store_that_is_away_for_a_moment_is_asked_again(store: Any) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        put(rawbucket.Bucket(f"http://127.0.0.1:{server.server_port}", "us-east-1", "raw", "", True), "a", b"a")
        server.shutdown()
    assert Busy.asked == 3


def test_a_store_that_is_not_there_is_named(store: Any) -> None:
    port = free_port()
    with pytest.raises(OSError, match=rf"http://127.0.0.1:{port} refused PUT s3a://raw/a: ConnectionRefusedError"):
        put(rawbucket.Bucket(f"http://127.0.0.1:{port}", "us-east-1", "raw", "", True), "a", b"a")
