"""Secrets, as text."""

import base64

from sparkyard.kube.client import Kube


def find_secret(kube: Kube, namespace: str, name: str) -> dict[str, str] | None:
    secret = kube.find(f"/api/v1/namespaces/{namespace}/secrets/{name}")
    return None if secret is None else {key: base64.b64decode(value).decode() for key, value in secret.get("data", {}).items()}
