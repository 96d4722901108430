"""What the tests' Airflow finds: the values of its chart, and what a site has beside it."""

import json
from typing import Any

from sparkyard.names import JOBS_NAMESPACE
from sparkyard.project import ROOT
from sparkyard.runs.values import load_images

Object = dict[str, Any]
RELEASE = "e2e-airflow"  # and its namespace
TASKS = "e2e-airflow-tasks"
PARTS = ("apiServer", "scheduler", "dagProcessor", "triggerer")
FILES = f"http://files.{RELEASE}.svc:8000"
GIT = f"http://git.{RELEASE}.svc:8001/dags.git"
LOGIN = ("somebody", "e2e-secret")
# what Git asks of a web server, and a login
GIT_SERVER = """
import base64, functools, http.server, os
class Guarded(http.server.SimpleHTTPRequestHandler):
    def send_head(self):
        if self.headers["Authorization"] == "Basic " + base64.b64encode(b"somebody:e2e-secret").decode():
            return super().send_head()
        self.send_response(401)
        self.send_header("WWW-Authenticate", "Basic")
        self.send_header("Content-Length", "0")
        self.end_headers()
os.makedirs("/tmp/git", exist_ok=True)
http.server.ThreadingHTTPServer(("", 8001), functools.partial(Guarded, directory="/tmp/git")).serve_forever()
"""
RENTED = f"/api/v1/namespaces/{RELEASE}/configmaps"  # a rented cluster is a ConfigMap here, and the test its controller


def make_values() -> Object:
    return {
        "global": {"images": load_images()},
        "database": {"host": f"postgres.{RELEASE}.svc", "name": "postgres", "user": "postgres"},
        "podTasks": {"namespace": TASKS, "inJobNamespaces": True},
        "rentalSecret": "rental",
        "historyUrl": "https://history.example.com",
        "dags": {"claim": "dags"},
        **{name: {"resources": {"requests": {"cpu": "10m", "memory": "128Mi"}}} for name in PARTS},  # room for jobs on a small node
        "env": {
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "20",
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        },  # runs are the test's alone
    }


def make_surroundings() -> list[Object]:
    """A namespace with its DAGs, a database, files by HTTP, something to rent."""
    secret = {"name": "rental", "namespace": RELEASE}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "50Mi"}}}
    meta = {"name": "postgres", "namespace": RELEASE, "labels": {"app": "postgres"}}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": RELEASE}},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "dags", "namespace": RELEASE}, "spec": claim},
        {"apiVersion": "v1", "kind": "Secret", "metadata": secret, "stringData": {"rental.json": json.dumps(make_rental())}},
        make_service("postgres", 5432),
        make_service("files", 8000),
        make_service("git", 8001),
        {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": make_pod()},
        make_way_to_files(),
        *make_rights(),
    ]


def make_service(name: str, port: int) -> Object:
    spec = {"selector": {"app": "postgres"}, "ports": [{"port": port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": RELEASE}, "spec": spec}


def make_pod() -> Object:
    """The DAGs' claim is mounted, too, so that there is a pod to fill it by."""
    images = json.loads((ROOT / "build/images.json").read_text())
    mounts = {"password": "/run/secrets/airflow", "data": "/var/lib/postgresql/data", "run": "/var/run/postgresql", "tmp": "/tmp"}
    postgres = {
        "name": "postgres",
        "image": images["postgres"],
        "env": [{"name": "POSTGRES_PASSWORD_FILE", "value": "/run/secrets/airflow/database"}],
        "volumeMounts": [{"name": name, "mountPath": path} for name, path in (mounts | {"dags": "/dags"}).items()],
        "readinessProbe": {"exec": {"command": ["pg_isready", "-h", "localhost"]}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}},
    }
    files = {
        "name": "files",
        "image": images["airflow"],
        "command": ["python3", "-m", "http.server", "8000", "--directory", "/dags/files"],
        "volumeMounts": [{"name": "dags", "mountPath": "/dags"}],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
    }
    git = files | {"name": "git", "command": ["python3", "-c", GIT_SERVER]}
    volumes: list[Object] = [{"name": "password", "secret": {"secretName": "airflow", "defaultMode": 0o640}}]
    volumes += [{"name": "dags", "persistentVolumeClaim": {"claimName": "dags"}}]
    volumes += [{"name": name, "emptyDir": {}} for name in ("data", "run", "tmp")]
    return {"enableServiceLinks": False, "securityContext": {"fsGroup": 185}, "containers": [postgres, files, git], "volumes": volumes}


def make_rental() -> Object:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{run}"}, "data": {"state": "starting"}}
    return {"path": RENTED, "object": body, "ready": ["data", "state"], "is": "ready", "wait": 20}


def make_way_to_files() -> Object:
    """For drivers, as networkPolicies.egress of charts/jobs gives it."""
    to = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": RELEASE}}}]
    rules = {"podSelector": {"matchLabels": {"spark-role": "driver"}}, "policyTypes": ["Egress"], "egress": [{"to": to}]}
    meta = {"name": RELEASE, "namespace": JOBS_NAMESPACE}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": rules}


def make_rights() -> list[Object]:
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "create", "delete"]}
    meta, group = {"name": "rented", "namespace": RELEASE}, "rbac.authorization.k8s.io"
    to = {"roleRef": {"apiGroup": group, "kind": "Role", "name": "rented"}}
    subject = {"kind": "ServiceAccount", "name": "airflow", "namespace": RELEASE}
    return [
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": meta, "rules": [rule]},
        {"apiVersion": f"{group}/v1", "kind": "RoleBinding", "metadata": meta, **to, "subjects": [subject]},
    ]
