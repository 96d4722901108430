"""The door in front of the teams' Spark Connect servers: TLS ends here, the hub is asked whose token it is, and a member's calls pass both
ways as the bytes they are. A server's own token only this knows."""

import argparse
import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import grpc
from prometheus_client import Counter, start_http_server
from pydantic import Field

from sparkyard.hub.sessions import Sessions, find_session
from sparkyard.hub.teams import is_member
from sparkyard.hub.tickets import HubAway, Person, Tickets, make_tickets
from sparkyard.hub.values import Team
from sparkyard.settings import Model

TEAM = "sparkyard-team"  # of the call's metadata: `;sparkyard-team=…` in the address
OURS = {"authorization", TEAM, "user-agent", "host", "te", "content-type"}  # not passed on
UNBOUNDED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.max_metadata_size", 65536)]
PATIENCE = [*UNBOUNDED, ("grpc.initial_reconnect_backoff_ms", 500), ("grpc.max_reconnect_backoff_ms", 2000)]
REFUSED = Counter("sparkyard_connect_refused", "Calls that were not let through", ["reason"])
CALLS = Counter("sparkyard_connect_calls", "Calls let through, by how they ended", ["team", "code"])


class Server(Team):
    """A team's server, as the chart names it."""

    address: str


class DoorValues(Model):
    hub: str  # the address of its API
    session_idle: float = 3600
    servers: dict[str, Server] = Field(min_length=1)


class Refusal(Exception):
    def __init__(self, reason: str, code: grpc.StatusCode, words: str) -> None:
        super().__init__(words)
        self.reason, self.code = reason, code


class Door(grpc.GenericRpcHandler):
    """Every call of every service is a stream both ways to it: on the wire a single message is a stream of one."""

    def __init__(self, values: DoorValues, tickets: Tickets, read_token: Callable[[str], str]) -> None:
        self._values = values
        self._tickets = tickets
        self._read_token = read_token
        self._sessions = Sessions(values.session_idle, values.servers)
        self._channels = {team: grpc.aio.insecure_channel(server.address, PATIENCE) for team, server in values.servers.items()}

    def service(self, details: Any) -> Any:
        return grpc.stream_stream_rpc_method_handler(partial(self._pass_on, details.method))

    async def _pass_on(self, method: str, requests: AsyncIterator[bytes], context: Any) -> None:
        given = dict(context.invocation_metadata())
        try:
            team = await self._admit(str(given.get("authorization", "")), str(given.get(TEAM, "")))
        except Refusal as refusal:
            REFUSED.labels(refusal.reason).inc()
            await context.abort(refusal.code, f"sparkyard: {refusal}")
        metadata = [(key, value) for key, value in given.items() if key not in OURS]
        metadata.append(("authorization", f"Bearer {self._read_token(team)}"))
        watched = self._watch(team, method, requests)
        call = self._channels[team].stream_stream(method)(watched, timeout=context.time_remaining(), metadata=metadata)
        await self._answer(team, call, context)

    async def _answer(self, team: str, call: Any, context: Any) -> None:
        try:
            async for answer in call:
                await context.write(answer)
            context.set_trailing_metadata(await call.trailing_metadata())
            CALLS.labels(team, "OK").inc()
        except grpc.aio.AioRpcError as error:
            CALLS.labels(team, error.code().name).inc()
            await context.abort(error.code(), explain(team, error), tuple(error.trailing_metadata() or ()))
        finally:
            call.cancel()

    async def _admit(self, authorization: str, wanted: str) -> str:
        """The team whose server is meant."""
        person = await self._identify(authorization.removeprefix("Bearer "))
        teams = sorted(slug for slug, server in self._values.servers.items() if is_member(server, person.name, person.groups))
        if not teams or (wanted and wanted not in teams):
            words = f"{person.name} may use the Connect server of {join(teams)}, not of {wanted or 'any'} (global.notebooks.teams)"
            raise Refusal("team", grpc.StatusCode.PERMISSION_DENIED, words)
        return wanted or teams[0]

    async def _identify(self, token: str) -> Person:
        try:
            person = await self._tickets.find(token) if token else None
        except HubAway as error:
            words = f"the hub does not answer, and so nobody knows whose token this is ({error})"
            raise Refusal("hub", grpc.StatusCode.UNAVAILABLE, words) from None
        if person is None:
            words = "the hub does not know this token as a person's own, or no longer. A server that is stopped and started has a new one"
            raise Refusal("token", grpc.StatusCode.UNAUTHENTICATED, words)
        return person

    async def _watch(self, team: str, method: str, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for request in requests:
            self._sessions.note(team, find_session(request), ended=method.endswith("/ReleaseSession"))
            yield request


def explain(team: str, error: grpc.aio.AioRpcError) -> str:
    """Of what the server says nothing is changed; that it says nothing is put in words."""
    told = str(error.details() or "")
    if error.code() != grpc.StatusCode.UNAVAILABLE:
        return told
    return f"sparkyard: the Connect server of {team} does not answer: it is starting, or it has crashed and is being started anew ({told})"


def join(names: Iterable[str]) -> str:
    return ", ".join(names) or "no team"


async def serve(door: Door, address: str, tls: Path) -> tuple[Any, int]:
    """The certificate is read for each new connection, so that another one holds without a restart."""

    def read() -> Any:
        return grpc.ssl_server_certificate_configuration([((tls / "tls.key").read_bytes(), (tls / "tls.crt").read_bytes())])

    server = grpc.aio.server(options=UNBOUNDED)
    server.add_generic_rpc_handlers((door,))
    port = server.add_secure_port(address, grpc.dynamic_ssl_server_credentials(read(), read))
    await server.start()
    return server, port


async def run(values: DoorValues, tokens: Path, tls: Path, port: int) -> None:
    door = Door(values, make_tickets(values.hub), lambda team: (tokens / team).read_text())
    server, _ = await serve(door, f"[::]:{port}", tls)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: asyncio.ensure_future(server.stop(20)))
    await server.wait_for_termination()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("values", type=Path)
    parser.add_argument("--tokens", type=Path, required=True, help="a file of each team's name")
    parser.add_argument("--tls", type=Path, required=True, help="a folder with tls.crt and tls.key")
    parser.add_argument("--port", type=int, default=15002)
    parser.add_argument("--metrics-port", type=int, default=8080)
    given = parser.parse_args()
    start_http_server(given.metrics_port)
    asyncio.run(run(DoorValues.model_validate_json(given.values.read_text()), given.tokens, given.tls, given.port))


if __name__ == "__main__":
    main()
