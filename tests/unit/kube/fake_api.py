"""A small real HTTP server that speaks enough of the Kubernetes API to lose connections on purpose."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

Answer = tuple[int, Any]  # a status and what is sent: a dict, or a list of lines of a stream


@contextmanager
def serve(answer: Callable[[str, str, Any], Answer], folder: Path) -> Iterator[str]:
    """`answer(method, path with query, body)`; yields the path of a kubeconfig."""

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            status, body = answer(self.command, self.path, json.loads(self.rfile.read(size)) if size else None)
            lines = body if isinstance(body, list) else [body]
            self.send_response(status)
            self.end_headers()
            for line in lines:
                self.wfile.write(json.dumps(line).encode() + b"\n" if not isinstance(line, str) else line.encode() + b"\n")

        do_GET = do_POST = do_PATCH = do_DELETE = handle_any

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    path = folder / "kubeconfig"
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
    path.write_text(
        yaml.safe_dump({"current-context": "c", "contexts": [context], "clusters": [cluster], "users": [{"name": "u", "user": {}}]})
    )
    try:
        yield str(path)
    finally:
        server.shutdown()
        server.server_close()
