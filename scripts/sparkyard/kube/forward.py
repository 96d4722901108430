"""A local port that leads to a pod, through the API server: what `kubectl port-forward` does, without kubectl."""

import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kubernetes.client.exceptions import ApiException
from kubernetes.stream.ws_client import portforward_call

from sparkyard.errors import ClusterError
from sparkyard.kube.client import Kube, Object


@contextmanager
def forward(kube: Kube, namespace: str, *, port: int, service: str = "", pod: str = "", tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """The local port, as long as the block lasts. Of a service, a ready pod is chosen for each connection anew.

    With `tls` the service is spoken to by TLS and has to prove its name; the local port is plain, since no certificate names it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with suppress(OSError):  # closed: the block has ended
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError, ClusterError, ApiException):  # the client sees a closed connection
            name, target = (pod, port) if pod else find_endpoint(kube, namespace, service, port)
            far = _connect(kube, namespace, name, target)
            if tls is None:
                _relay(connection, far)
            else:
                _relay_tls(connection, tls.wrap_socket(far, server_hostname=f"{service}.{namespace}.svc"))

    if service:
        find_endpoint(kube, namespace, service, port)  # now, so that a lack is said here and not by a refused connection
    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def find_endpoint(kube: Kube, namespace: str, service: str, port: int) -> tuple[str, int]:
    """A ready pod behind the service's port, and the pod's own port."""
    found = kube.get(f"/api/v1/namespaces/{namespace}/services/{service}")
    selector = ",".join(f"{key}={value}" for key, value in found["spec"]["selector"].items())
    pods = kube.list(f"/api/v1/namespaces/{namespace}/pods", labelSelector=selector)
    ready = [pod for pod in pods if _is_ready(pod)]
    if not ready:
        raise ClusterError(
            f"no ready pod behind it ({len(pods)} in all)",
            where=f"service {namespace}/{service}",
            next_command=f"kubectl describe pods -n {namespace} -l {selector}",
        )
    target = next((entry.get("targetPort", port) for entry in found["spec"]["ports"] if entry["port"] == port), port)
    return ready[0]["metadata"]["name"], _port_number(ready[0], target)


def _is_ready(pod: Object) -> bool:
    conditions = {item["type"]: item["status"] for item in pod.get("status", {}).get("conditions", [])}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


def _port_number(pod: Object, target: int | str) -> int:
    if isinstance(target, int):
        return target
    ports = [port for container in pod["spec"]["containers"] for port in container.get("ports", [])]
    return next(int(port["containerPort"]) for port in ports if port.get("name") == target)


def _connect(kube: Kube, namespace: str, pod: str, port: int) -> socket.socket:
    url = f"{kube.host}/api/v1/namespaces/{namespace}/pods/{pod}/portforward"
    stream = portforward_call(kube.api.configuration, "GET", url, query_params=[("ports", str(port))], headers=kube.headers())
    return stream.socket(port)  # type: ignore[no-any-return]


def _relay(near: socket.socket, far: socket.socket) -> None:
    """Both ways, until either side closes."""

    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    upward = threading.Thread(target=copy, args=(near, far), daemon=True)
    upward.start()
    copy(far, near)
    upward.join(timeout=5)
    far.close()


def _relay_tls(near: socket.socket, far: ssl.SSLSocket) -> None:
    """Both ways in one thread: a TLS connection must not be read and written at the same time."""
    with far:
        while True:
            readable, _, _ = select.select([near, far], [], [])
            for data in _read_tls(far) if far in readable else ():
                if not data:
                    return
                near.sendall(data)
            if near in readable:
                if not (data := near.recv(1 << 16)):
                    return
                far.sendall(data)


def _read_tls(far: ssl.SSLSocket) -> Iterator[bytes]:
    """All that is there; what came may be no data at all, but a word of the protocol's own."""
    far.settimeout(0)
    try:
        while data := far.recv(1 << 16):
            far.settimeout(None)
            yield data
            far.settimeout(0)
        yield b""
    except ssl.SSLWantReadError:
        return
    finally:
        far.settimeout(None)
