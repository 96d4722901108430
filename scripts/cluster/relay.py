"""Carries connections from the host's loopback into the node: relay.py FD=HOST:PORT…, each FD a listening socket opened outside."""

import asyncio
import contextlib
import socket
import sys

CHUNK = 1 << 18


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):  # the other side may be gone already, even for the farewell
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def serve(door: socket.socket, host: str, port: int) -> None:
    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(host, port, limit=CHUNK)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))
        finally:
            inner_writer.close()
            writer.close()

    server = await asyncio.start_server(carry, sock=door, limit=CHUNK)
    await server.serve_forever()


async def main() -> None:
    pairs = [argument.split("=", 1) for argument in sys.argv[1:]]
    targets = [(int(fd), *target.rsplit(":", 1)) for fd, target in pairs]
    await asyncio.gather(*(serve(socket.socket(fileno=fd), host, int(port)) for fd, host, port in targets))


asyncio.run(main())
