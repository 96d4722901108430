"""The one way to the Kubernetes API: JSON in, JSON out, failures in our words."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import urllib3
from kubernetes import client as kubernetes_client
from kubernetes import config as kubernetes_config

from sparkyard.errors import ClusterError
from sparkyard.project import ROOT

Object = dict[str, Any]
APPLICATIONS = "/apis/sparkoperator.k8s.io/v1beta2/namespaces/{namespace}/sparkapplications"
FIELD_MANAGER = "sparkyard"
STREAM_SILENCE = 90  # seconds until a silent stream counts as broken; whoever reads it takes it up again
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"


def find_kubeconfig() -> str | None:
    """The user's choice, else the cluster of `make cluster`, else kubectl's default; None where there is none."""
    if chosen := os.environ.get("KUBECONFIG"):
        return chosen
    places = (ROOT / "build" / "kubeconfig", Path.home() / ".kube" / "config")
    return next((str(path) for path in places if path.exists()), None)


class ApiError(ClusterError):
    """The API server answered, and said no."""

    def __init__(self, status: int, reason: str, message: str, where: str) -> None:
        super().__init__(message, where=where)
        self.status = status
        self.reason = reason


class Kube:
    """A connection to one cluster."""

    def __init__(self, kubeconfig: str | None = None, namespace: str = "") -> None:
        self.kubeconfig = kubeconfig or find_kubeconfig()
        configuration = kubernetes_client.Configuration()
        try:
            if self.kubeconfig:
                kubernetes_config.load_kube_config(self.kubeconfig, client_configuration=configuration)
            else:
                kubernetes_config.load_incluster_config(configuration)
        except kubernetes_config.ConfigException as error:
            raise ClusterError(
                f"no cluster to talk to: {error}", where=self.kubeconfig or "KUBECONFIG", next_command="make cluster"
            ) from None
        if not configuration.verify_ssl:  # the kubeconfig says so; kubectl does not mention it at every request either
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self.api = kubernetes_client.ApiClient(configuration)
        self.host = str(configuration.host)

    def headers(self) -> dict[str, str]:
        """What authenticates a request; tokens that expire are renewed here."""
        headers: dict[str, str] = {"Accept": "application/json"}
        self.api.update_params_for_auth(headers, [], ["BearerToken"])
        return headers

    def send(
        self, method: str, path: str, *, query: Object | None = None, body: Any = None, kind: str = "application/json", stream: bool = False
    ) -> urllib3.BaseHTTPResponse:
        query_text = urlencode({key: _plain(value) for key, value in (query or {}).items()})
        timeout = urllib3.Timeout(connect=10, read=STREAM_SILENCE if stream else 60)
        try:
            response = self.api.rest_client.pool_manager.request(
                method,
                f"{self.host}{path}" + (f"?{query_text}" if query_text else ""),
                body=None if body is None else json.dumps(body),
                headers=self.headers() | {"Content-Type": kind},
                preload_content=not stream,
                timeout=timeout,
                retries=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise self.unreachable(error) from None
        if response.status >= 300:
            raise _refusal(response, f"{method} {path}")
        return cast(urllib3.BaseHTTPResponse, response)

    def unreachable(self, error: Exception) -> ClusterError:
        command = f"kubectl --kubeconfig {self.kubeconfig} get --raw /readyz" if self.kubeconfig else "make cluster"
        return ClusterError(f"the cluster does not answer: {error}", where=self.host, next_command=command)

    def get(self, path: str, **query: Any) -> Object:
        return cast(Object, self.send("GET", path, query=query).json())

    def find(self, path: str, **query: Any) -> Object | None:
        """`get`, or None where there is no such thing."""
        try:
            return self.get(path, **query)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, path: str, **query: Any) -> list[Object]:
        return cast(list[Object], self.get(path, **query)["items"] or [])  # an empty list may come as null

    def text(self, path: str, **query: Any) -> str:
        return self.send("GET", path, query=query).data.decode(errors="replace")

    def lines(self, path: str, **query: Any) -> Iterator[str]:
        """A streamed answer, line by line, as it comes."""
        response = self.send("GET", path, query=query, stream=True)
        rest = b""
        try:
            for chunk in response.stream(amt=None, decode_content=True):
                *whole, rest = (rest + chunk).split(b"\n")
                yield from (line.decode(errors="replace") for line in whole)
        except urllib3.exceptions.HTTPError as error:
            raise self.unreachable(error) from None
        finally:
            response.close()
        if rest:
            yield rest.decode(errors="replace")

    def create(self, path: str, body: Object, **query: Any) -> Object:
        return cast(Object, self.send("POST", path, body=body, query=query).json())

    def patch(self, path: str, body: Object) -> Object:
        return cast(Object, self.send("PATCH", path, body=body, kind=MERGE).json())

    def apply(self, path: str, body: Object) -> Object:
        """Server-side apply: ours wins over whoever set a field before."""
        query = {"fieldManager": FIELD_MANAGER, "force": True}
        return cast(Object, self.send("PATCH", path, body=body, query=query, kind=APPLY).json())

    def delete(self, path: str) -> bool:
        """True if there was something to delete."""
        try:
            self.send("DELETE", path, body={"propagationPolicy": "Background"})
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refusal(response: urllib3.BaseHTTPResponse, where: str) -> ApiError:
    text = response.data.decode(errors="replace")
    try:
        status = json.loads(text)
    except ValueError:
        status = {}
    message = status.get("message") or text.strip() or f"HTTP {response.status}"
    return ApiError(response.status, status.get("reason", ""), message, where)
