"""A forwarded port to a service with TLS: plain on this side, checked by name on the other."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest

from sparkyard.kube import forward

MODULE = import_module("sparkyard.kube.forward")
LARGE = b"x" * 5_000_000


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    options = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=it", "-addext", "subjectAltName=DNS:it.space.svc"]
    command = ["openssl", "req", *options, "-keyout", str(folder / "key"), "-out", str(folder / "crt")]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture
def server(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """It answers each line with a large text, then the line. The tunnel to it is a plain connection."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate / "crt", certificate / "key")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError), listener, listener.accept()[0] as plain, context.wrap_socket(plain, server_side=True) as far:
            while data := far.recv(1 << 16):
                far.sendall(LARGE + data)

    threading.Thread(target=serve, daemon=True).start()
    address = listener.getsockname()
    monkeypatch.setattr(MODULE, "find_endpoint", lambda *_: ("pod", 1))
    monkeypatch.setattr(MODULE, "_connect", lambda *_: socket.create_connection(address))
    yield
    listener.close()


def ask(certificate: Path, service: str) -> bytes:
    """Two answers, or what came of them."""
    context, answer = ssl.create_default_context(cafile=certificate / "crt"), b""
    with (
        forward(None, "space", service=service, port=1, tls=context) as port,  # type: ignore[arg-type]
        socket.create_connection(("127.0.0.1", port), timeout=20) as near,
        suppress(ConnectionError),
    ):
        for line in (b"one\n", b"two\n"):
            near.sendall(line)
            answer += receive(near, len(LARGE) + len(line))
    return answer


def receive(near: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := near.recv(1 << 16)):
        data += more
    return data


def test_both_ways_through_tls(certificate: Path, server: None) -> None:
    assert ask(certificate, "it") == LARGE + b"one\n" + LARGE + b"two\n"


def test_another_name_is_not_believed(certificate: Path, server: None) -> None:
    assert ask(certificate, "other") == b""
