"""How the shares stand, for the kubelet and for Prometheus."""

import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from share_agent.place import Place
from share_agent.share import Share

SILENCE = 300.0  # seconds without a look at a share until the agent counts as stuck


METRICS: dict[str, Callable[[Share], int]] = {
    "sparkyard_share_up": lambda share: int(share.state == "mounted"),
    "sparkyard_share_mounts_total": lambda share: share.mounts,
    "sparkyard_share_losses_total": lambda share: share.losses,
}


def format_metrics(shares: Mapping[Place, Share]) -> str:
    lines = []
    for name, read in METRICS.items():
        lines.append(f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}")
        lines += [f'{name}{{share="{place.name}",server="{place.server}"}} {read(share)}' for place, share in list(shares.items())]
    return "\n".join(lines) + "\n"


def find_stuck(shares: Mapping[Place, Share]) -> str:
    return ", ".join(place.name for place, share in list(shares.items()) if time.monotonic() - share.looked > SILENCE)


def find_untried(shares: Mapping[Place, Share]) -> str:
    return ", ".join(place.name for place, share in list(shares.items()) if share.state == "new")


def serve(shares: Mapping[Place, Share], port: int) -> ThreadingHTTPServer:
    """Ready means: of each share it is known how it stands. One that cannot be had keeps nobody from the others."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wrong = {"/healthz": find_stuck, "/readyz": find_untried}.get(self.path, lambda _: "")(shares)
            body = format_metrics(shares) if self.path == "/metrics" else f"waiting for: {wrong}\n" if wrong else "ok\n"
            self.send_response(503 if wrong else 200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
