"""The API server as a pod sees it, by the standard library: the Kubernetes client alone would take most of this pod's memory."""

import http.client
import json
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sparkyard.errors import ClusterError

Json = dict[str, Any]
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
ATTEMPTS = 5


class Conflict(ClusterError):
    """Somebody else changed the object in between."""


@dataclass(frozen=True)
class ApiServer:
    url: str
    token_file: Path
    ca_file: Path

    def get(self, path: str) -> Json:
        return self._send("GET", path)

    def put(self, path: str, value: Json) -> Json:
        return self._send("PUT", path, value)

    def update(self, path: str, change: Callable[[Json], Json | None]) -> Json:
        """Read, change, write; anew when somebody else was faster. A change that answers None leaves all as it is."""
        for _ in range(ATTEMPTS):
            current = self.get(path)
            changed = change(current)
            if changed is None:
                return current
            try:
                return self.put(path, changed)
            except Conflict:
                continue
        raise ClusterError(f"changed by others {ATTEMPTS} times while it was being updated", where=path)

    def _send(self, method: str, path: str, value: Json | None = None) -> Json:
        address = urlsplit(self.url)
        context = ssl.create_default_context(cafile=str(self.ca_file))
        connection = http.client.HTTPSConnection(address.hostname or "", address.port or 443, timeout=10, context=context)
        # read each time: the kubelet renews the token
        headers = {"Authorization": f"Bearer {self.token_file.read_text().strip()}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(value) if value is not None else None, headers)
            response = connection.getresponse()
            body = response.read()
        except OSError as error:
            raise ClusterError(f"the API server does not answer: {error}", where=f"{method} {self.url}{path}") from None
        finally:
            connection.close()
        return _answer(method, path, response.status, body)


def _answer(method: str, path: str, status: int, body: bytes) -> Json:
    if status == http.client.CONFLICT:
        raise Conflict("changed by somebody else", where=f"{method} {path}")
    if status >= http.client.BAD_REQUEST:
        raise ClusterError(f"{status}: {body.decode(errors='replace')[:500]}", where=f"{method} {path}")
    return json.loads(body)  # type: ignore[no-any-return]


def find_api_server() -> ApiServer:
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise ClusterError("not inside a pod of a cluster", next_command="kubectl get deployment sparkyard-defaults -n sparkyard")
    return ApiServer(f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}", ACCOUNT / "token", ACCOUNT / "ca.crt")
