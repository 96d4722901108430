"""The API server, asked by the notebook's own account and without a client library."""

import json
import ssl
import urllib.request
from pathlib import Path
from typing import Any

from sparkyard.names import NOTEBOOK_USER_LABEL

Json = dict[str, Any]
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def list_executors(namespace: str, user: str) -> list[Json]:
    return get_list(namespace, f"pods?labelSelector=spark-role%3Dexecutor,{NOTEBOOK_USER_LABEL.replace('/', '%2F')}%3D{user}")


def get_list(namespace: str, what: str) -> list[Json]:
    return list(call("GET", f"{namespace}/{what}")["items"])


def delete_pod(namespace: str, name: str) -> None:
    call("DELETE", f"{namespace}/pods/{name}")


def call(method: str, path: str) -> Json:
    """OSError for whatever goes wrong, an answer of 400 and more included."""
    url = f"https://kubernetes.default.svc/api/v1/namespaces/{path}"
    request = urllib.request.Request(url, method=method, headers={"Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}"})
    context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    with urllib.request.urlopen(request, timeout=10, context=context) as answer:
        return dict(json.load(answer))
