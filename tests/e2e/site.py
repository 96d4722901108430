"""A SQL database as a site has it, in a namespace that the platform knows nothing of, and the access that jobs are granted."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from charts.certificates import make_certificate

from sparkyard.names import CONNECTIONS_SECRET, JOBS_NAMESPACE
from sparkyard.project import ROOT

SITE = "e2e-sql"
HOST = f"answers.{SITE}.svc"


def make_site(password: str, folder: Path) -> list[dict[str, Any]]:
    images = json.loads((ROOT / "build/images.json").read_text())
    mounts = [{"name": "secret", "mountPath": "/etc/answers"}, {"name": "data", "mountPath": "/var/lib/postgresql/data"}]
    mounts += [{"name": "run", "mountPath": "/var/run/postgresql"}, {"name": "tmp", "mountPath": "/tmp"}]
    settings = ["ssl=on", "ssl_cert_file=/etc/answers/tls.crt", "ssl_key_file=/etc/answers/tls.key"]
    container = {
        "name": "postgres",
        "image": images["postgres"],
        "args": ["postgres", *(word for setting in settings for word in ("-c", setting))],
        "env": [{"name": "POSTGRES_PASSWORD_FILE", "value": "/etc/answers/password"}],
        "readinessProbe": {"exec": {"command": ["pg_isready", "-h", "localhost"]}, "periodSeconds": 1},
        "volumeMounts": mounts,
    }
    volumes = [{"name": "secret", "secret": {"secretName": "answers", "defaultMode": 0o640}}]
    volumes += [{"name": name, "emptyDir": {}} for name in ("data", "run", "tmp")]
    data = {"password": password, "tls.crt": (folder / "tls.crt").read_text(), "tls.key": (folder / "tls.key").read_text()}
    meta = {"name": "answers", "namespace": SITE, "labels": {"app": "answers"}}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SITE}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": data},
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": {"app": "answers"}, "ports": [{"port": 5432}]}},
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": meta,
            "spec": {"securityContext": {"fsGroup": 70}, "containers": [container], "volumes": volumes},
        },
    ]


def make_access(password: str, folder: Path) -> list[dict[str, Any]]:
    """What the site's administrator grants jobs: the connection, and the way to it (networkPolicies.egress of charts/jobs)."""
    said = {"kind": "postgresql", "host": HOST, "database": "postgres", "user": "postgres", "password": password}
    connection = "\n".join([*(f'{key} = "{value}"' for key, value in said.items()), f'ca = """{(folder / "tls.crt").read_text()}"""'])
    to = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": SITE}}}]
    selector = {"matchExpressions": [{"key": "spark-role", "operator": "In", "values": ["driver", "executor"]}]}
    rules = {"podSelector": selector, "policyTypes": ["Egress"], "egress": [{"to": to, "ports": [{"port": 5432}]}]}
    secret = {"name": CONNECTIONS_SECRET, "namespace": JOBS_NAMESPACE}
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": secret, "stringData": {"results.toml": connection}},
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": SITE, "namespace": JOBS_NAMESPACE},
            "spec": rules,
        },
    ]


@pytest.fixture
def site(yard: Any, tmp_path: Path) -> Iterator[Any]:
    make_certificate(tmp_path, f"DNS:{HOST}")
    password = secrets.token_hex(12)
    objects = yaml.safe_dump_all([*make_site(password, tmp_path), *make_access(password, tmp_path)])
    try:
        yard.kubectl("apply", "-f", "-", stdin=objects)
        yard.kubectl("wait", "-n", SITE, "pod/answers", "--for=condition=Ready", "--timeout=120s")
        yield yard
    finally:
        yard.delete("sql-publish")
        yard.kubectl("delete", "-f", "-", "--ignore-not-found", "--wait=false", stdin=objects)


def psql(yard: Any, sql: str) -> list[str]:
    script = 'PGPASSWORD=$(cat /etc/answers/password) exec psql -qtA -v ON_ERROR_STOP=1 -h localhost -U postgres -c "$0"'
    return yard.kubectl("exec", "-n", SITE, "answers", "--", "sh", "-c", script, sql).stdout.splitlines()  # type: ignore[no-any-return]
