"""Passwords that an installation has made: told once, by who installs. They stay in their Secrets."""

import json
from typing import NamedTuple

from sparkyard.kube import Kube
from sparkyard.kube.secrets import find_secret
from sparkyard.names import AIRFLOW_LOGIN_SECRET, JUPYTER_LOGIN_SECRET


class Login(NamedTuple):
    where: str
    person: str
    password: str


def read_logins(kube: Kube, namespace: str) -> set[Login]:
    """Those in the charts' own Secrets; passwords that a site brings are nobody's news."""
    people = find_secret(kube, namespace, JUPYTER_LOGIN_SECRET) or {}
    operators = json.loads((find_secret(kube, namespace, AIRFLOW_LOGIN_SECRET) or {}).get("passwords.json", "{}"))
    return {Login("notebooks", *pair) for pair in people.items()} | {Login("Airflow", *pair) for pair in operators.items()}
