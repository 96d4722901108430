"""An HTTP server of our own that serves one ZIP file, well or in one of many bad ways."""

import io
import itertools
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PACKED = itertools.count(1981)


def make_zip(content: bytes, name: str = "WDICSV.csv") -> bytes:
    """Never twice the same ZIP file, also of the same content."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("WDISeries.csv", "not asked for")
        entry = zipfile.ZipInfo(name, (next(PACKED), 1, 1, 0, 0, 0))
        archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return held.getvalue()


class Server:
    """`fault` is how it behaves; `asked` are the headers of each request."""

    def __init__(self) -> None:
        self.body, self.etag, self.fault = b"", '"1"', ""
        self.asked: list[dict[str, str]] = []
        self.release = threading.Event()

    def serve(self, content: bytes, fault: str = "", etag: str | None = None) -> None:
        self.body, self.fault, self.etag = make_zip(content), fault, etag or self.etag
        if fault == "no zip":
            self.body = b"<html>Please try again later</html>"
        elif fault == "no member":
            self.body = make_zip(content, "other.csv")
        elif fault == "empty member":
            self.body = make_zip(b"")
        elif fault == "flipped bit":
            middle = self.body.index(b"WDICSV.csv") + 30
            self.body = self.body[:middle] + bytes([self.body[middle] ^ 1]) + self.body[middle + 1 :]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked.append(dict(handler.headers))
        failing = self.fault == "500" or (self.fault == "500 once" and len(self.asked) == 1)
        if failing or self.fault == "404":
            handler.send_error(404 if self.fault == "404" else 500)
        elif handler.headers["If-None-Match"] == self.etag and self.fault != "no conditions":
            handler.send_response(304)
            handler.end_headers()
        else:
            self.send(handler)

    def send(self, handler: BaseHTTPRequestHandler) -> None:
        half, size = len(self.body) // 2, len(self.body)
        told = {"too long": size + 10, "too short": size - 10, "trickle": size + 10**6}.get(self.fault, size)
        handler.send_response(200)
        handler.send_header("ETag", self.etag)
        if self.fault == "chunks cut off":
            handler.send_header("Transfer-Encoding", "chunked")
            handler.end_headers()
            handler.wfile.write(f"{half:x}\r\n".encode() + self.body[:half] + b"\r\n")
            return
        handler.send_header("Content-Length", str(told))
        handler.end_headers()
        if self.fault == "held":
            self.release.wait(300)
        with suppress(OSError):  # who was held too long has gone
            self.send_body(handler, half, told)

    def send_body(self, handler: BaseHTTPRequestHandler, half: int, told: int) -> None:
        handler.wfile.write(self.body[:half])
        if self.fault == "slow":
            self.release.wait(300)
        if self.fault == "trickle":
            self.trickle(handler)
        if self.fault not in ("cut off", "slow", "trickle"):
            handler.wfile.write(self.body[half:told])

    def trickle(self, handler: BaseHTTPRequestHandler) -> None:
        while not self.release.wait(0.1):  # or until the other side has had enough
            handler.wfile.write(b"x")


@contextmanager
def running() -> Iterator[tuple[Server, str]]:
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.close_connection = True
            server.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield server, f"http://127.0.0.1:{http.server_port}/WDI_CSV.zip"
        server.release.set()
        http.shutdown()
