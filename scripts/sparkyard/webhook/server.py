"""Runs the webhook: gets a certificate, serves by it, and looks after it as long as it runs."""

import asyncio
import contextlib
import logging
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from sparkyard.errors import ClusterError
from sparkyard.webhook.app import make_health, make_webhook
from sparkyard.webhook.certificates import Certificate, CertificateStore, utc_now
from sparkyard.webhook.metrics import Metrics
from sparkyard.webhook.revisions import Revisions

log = logging.getLogger("sparkyard.webhook")


@dataclass
class Webhook:
    revisions: Revisions
    certificates: CertificateStore
    port: int = 9443
    health_port: int = 8080
    host: str = ""  # all addresses, of both families where the node has both
    interval: float = 60  # seconds between looks after the certificate
    settle: float = 5  # seconds the API server gets to hear whom to trust
    clock: Callable[[], datetime] = utc_now
    metrics: Metrics = field(default_factory=Metrics)
    missing: str = "no certificate yet"
    server: uvicorn.Server | None = None

    def run(self) -> None:
        with tempfile.TemporaryDirectory() as folder, contextlib.suppress(KeyboardInterrupt):
            asyncio.run(self._serve(Path(folder)))

    def stop(self) -> None:
        if self.server:
            self.server.should_exit = True

    async def _serve(self, folder: Path) -> None:
        health = _Companion(_configure(make_health(lambda: self.missing, self.metrics)))
        beside = asyncio.create_task(health.serve(sockets=[_listen(self.host, self.health_port)]))
        certificate = await self._first_certificate()
        _write(certificate, folder)
        config = _configure(make_webhook(self.revisions, self.metrics), folder)
        config.load()
        keeper = asyncio.create_task(self._look_after(config, certificate, folder))
        self.missing = ""
        log.info("serving on %d until %s", self.port, certificate.not_after)
        self.server = uvicorn.Server(config)
        await self.server.serve(sockets=[_listen(self.host, self.port)])
        keeper.cancel()
        health.should_exit = True
        await beside

    async def _first_certificate(self) -> Certificate:
        while True:
            try:
                await asyncio.to_thread(self.revisions.remember, self.clock())
                if certificate := await asyncio.to_thread(self.certificates.ensure, self.clock()):
                    return certificate
            except ClusterError as error:
                self.missing = str(error)
                log.warning("not ready: %s", error)
            await asyncio.sleep(2)

    async def _look_after(self, config: uvicorn.Config, served: Certificate, folder: Path) -> None:
        while True:
            self.metrics.expiry.set(served.not_after.timestamp())
            await asyncio.sleep(self.interval)
            try:
                found = await asyncio.to_thread(self.certificates.ensure, self.clock())
            except Exception as error:  # whatever it is, the next look may succeed
                self.metrics.renewal_failures.inc()
                log.warning("cannot look after the certificate, serving on: %s: %s", type(error).__name__, error)
                continue
            if found and found != served and config.ssl:
                await asyncio.sleep(self.settle)
                _write(found, folder)
                config.ssl.load_cert_chain(folder / "tls.crt", folder / "tls.key")  # new connections get the new one
                served = found
                log.info("serving by a new certificate until %s", served.not_after)


def _configure(app: FastAPI, folder: Path | None = None) -> uvicorn.Config:
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", server_header=False, timeout_graceful_shutdown=10)
    if folder:
        config.ssl_certfile, config.ssl_keyfile = folder / "tls.crt", folder / "tls.key"
    return config


def _listen(host: str, port: int) -> socket.socket:
    dual = not host and socket.has_dualstack_ipv6()
    return socket.create_server((host, port), family=socket.AF_INET6 if dual else socket.AF_INET, dualstack_ipv6=dual)


class _Companion(uvicorn.Server):
    """A second server in the same process, which leaves signals to the first."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _write(certificate: Certificate, folder: Path) -> None:
    for name, text in (("tls.crt", certificate.chain), ("tls.key", certificate.key)):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(text)
