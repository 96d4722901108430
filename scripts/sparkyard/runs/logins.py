"""Passwords that an installation has made: told once, by who installs. They stay in their Secrets."""

import base64
import json
from typing import Any, NamedTuple

from sparkyard.kube import Kube
from sparkyard.names import AIRFLOW_LOGIN_SECRET, JUPYTER_LOGIN_SECRET


class Login(NamedTuple):
    where: str
    person: str
    password: str


def read_logins(kube: Kube, namespace: str) -> set[Login]:
    """Those in the charts' own Secrets; passwords that a site brings are nobody's news."""
    people = _read(kube, namespace, JUPYTER_LOGIN_SECRET)
    operators = json.loads(_read(kube, namespace, AIRFLOW_LOGIN_SECRET).get("passwords.json", "{}"))
    return {Login("notebooks", *pair) for pair in people.items()} | {Login("Airflow", *pair) for pair in operators.items()}


def _read(kube: Kube, namespace: str, name: str) -> dict[str, str]:
    found: dict[str, Any] = kube.find(f"/api/v1/namespaces/{namespace}/secrets/{name}") or {}
    return {key: base64.b64decode(value).decode() for key, value in found.get("data", {}).items()}
