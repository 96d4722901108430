"""Runs inside the hub's image: an identity provider and the only way to it, a proxy, and how JupyterHub's authenticators ask.

Prints what was answered and which hosts the proxy was asked for, as JSON. The provider's certificate and key come from the environment."""

import asyncio
import json
import os
import ssl
import sys
import tempfile
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
asked_for = []


async def provide(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(ANSWER)
    await writer.drain()
    writer.close()


async def forward(reader, writer):
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
    writer.close()


async def main():
    folder = Path(tempfile.mkdtemp())
    for name in ("tls.crt", "tls.key"):
        (folder / name).write_text(os.environ[name.replace(".", "_").upper()])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    provider = await asyncio.start_server(provide, "127.0.0.1", 0, ssl=context)

    async def connect(reader, writer):
        asked_for.append((await reader.readuntil(b"\r\n\r\n")).split()[1].decode())
        behind = await asyncio.open_connection(*provider.sockets[0].getsockname())
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(forward(reader, behind[1]), forward(behind[0], writer), return_exceptions=True)

    proxy = await asyncio.start_server(connect, "127.0.0.1", 0)
    os.environ["https_proxy"] = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
    AsyncHTTPClient.configure("tornado.curl_httpclient.CurlAsyncHTTPClient")  # as JupyterHub does where it can
    answers = [await ask(str(folder / "tls.crt")), await ask(None)]
    json.dump({"answers": answers, "asked_for": asked_for}, sys.stdout)


async def ask(authorities):
    try:
        answer = await AsyncHTTPClient().fetch("https://id.example.com/token", ca_certs=authorities, request_timeout=10)
    except Exception as error:
        return str(error)
    return answer.body.decode()


asyncio.run(main())
