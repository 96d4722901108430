"""A real file server in a pod that behaves like Windows, and a hand on its other side."""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from charts.render import IMAGES, pick, render

from sparkyard.project import ROOT

Object = dict[str, Any]
VALUES = Path(__file__).with_name("shares.yaml")
SPACE, SECRETS = "e2e-samba", "e2e-shares"  # SECRETS is the agent's own, as the values beside this file say
# What a shell, an ini file or a connection string would stumble over.
PASSWORDS = {"spark": 'S3cret, "quoted" `$x` 100% ü\\n', "changed": "c3-Tulip", "expired": "e4-Maple", "other": "o5-Birch"}
CONF = """
[global]
server role = standalone server
server min protocol = SMB3
map to guest = never
strict rename = yes
case sensitive = no
preserve case = yes
disable netbios = yes
smb ports = 445
load printers = no
printing = bsd
log level = 1
[data]
path = /srv/data
read only = no
force user = root
[full]
path = /srv/full
read only = no
force user = root
[readonly]
path = /srv/data
read only = yes
force user = root
[closed]
path = /srv/data
valid users = other
"""
# Before it serves anybody: a logon that was let in stays.
PREPARE = "mkdir -p /srv/data/inbox; net sam set pwdmustchangenow expired yes"


def make_objects(image: str) -> list[Object]:
    users = "".join(f"{name}:{password}\n" for name, password in PASSWORDS.items())
    files = {"smb.conf": CONF, "users": users, "prepare": PREPARE}
    container = {
        "name": "samba",
        "image": image,
        "securityContext": {"runAsUser": 0},
        "ports": [{"containerPort": 445}],
        "readinessProbe": {"tcpSocket": {"port": 445}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
        "volumeMounts": [
            {"name": "conf", "mountPath": "/etc/sparkyard"},
            {"name": "data", "mountPath": "/srv"},
            {"name": "small", "mountPath": "/srv/full"},
        ],
    }
    volumes = [
        {"name": "conf", "configMap": {"name": "samba"}},
        {"name": "data", "emptyDir": {}},
        {"name": "small", "emptyDir": {"medium": "Memory", "sizeLimit": "4Mi"}},
    ]
    spec = {"containers": [container], "volumes": volumes, "automountServiceAccountToken": False, "terminationGracePeriodSeconds": 1}
    port = {
        "selector": {"app": "samba"},
        "publishNotReadyAddresses": True,
        "ports": [{"name": "smb", "port": 445}, {"name": "nobody", "port": 446}],
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _meta("samba"), "data": files},
        {"apiVersion": "v1", "kind": "Service", "metadata": _meta("samba"), "spec": port},
        {"apiVersion": "v1", "kind": "Pod", "metadata": _meta("samba", app="samba"), "spec": spec},
    ]


def _meta(name: str, **labels: str) -> Object:
    return {"name": name, "namespace": SPACE, "labels": labels}


def make_secret(user: str, password: str) -> Object:
    meta = {"name": f"e2e-{user}", "namespace": SECRETS}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"username": user, "password": password}}


class Samba:
    """The server as its administrator has it."""

    def __init__(self, yard: Any) -> None:
        self.yard = yard

    def start(self) -> None:
        image = json.loads((ROOT / "build/images-of-tests.json").read_text())["samba"]
        self.yard.kubectl("delete", "namespace", SPACE, "--ignore-not-found")
        self.apply(*make_objects(image))
        self.yard.kubectl("wait", "-n", SPACE, "pod/samba", "--for=condition=Ready", "--timeout=120s")

    def give_secrets(self) -> None:
        self.apply(*(make_secret(user, password) for user, password in (PASSWORDS | {"changed": "wrong"}).items()))

    def apply(self, *objects: Object) -> None:
        self.yard.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    def run(self, script: str, stdin: str | None = None) -> str:
        """On the server, as root: what a user of Windows does to the files."""
        return str(self.yard.kubectl("exec", "-i", "-n", SPACE, "samba", "--", "sh", "-ec", script, stdin=stdin).stdout)

    def put(self, path: str, content: bytes) -> None:
        self.run(f"mkdir -p \"$(dirname '{path}')\"; base64 -d > '{path}'", stdin=base64.b64encode(content).decode())

    def crash(self, stay_down: bool = False) -> None:
        """Without a farewell to anybody."""
        kill = "for p in /proc/[0-9]*; do case $(cat $p/comm) in smbd*) kill -9 ${p#/proc/} || true;; esac; done"
        self.run(f"{'touch /srv/down; ' if stay_down else ''}{kill} 2> /dev/null")

    def come_back(self) -> None:
        self.run("rm -f /srv/down")

    def stop(self) -> None:
        self.yard.kubectl("delete", "namespace", SPACE, "--wait=false")


def declared() -> list[Object]:
    return list(yaml.safe_load(VALUES.read_text())["global"]["shares"])


def known_shares(shares: list[Object]) -> list[Object]:
    """As the platform's settings would have them."""
    shares = [{key: share[key] for key in ("name", "share", "server", "secret", "access") if key in share} for share in shares]
    rendered = pick(render({"global": {"shares": shares}}, chart="defaults", files=(IMAGES,)), "ConfigMap", "sparkyard-defaults")
    return list(yaml.safe_load(rendered["data"]["settings.yaml"])["shares"])


@contextmanager
def serving(yard: Any, shares: list[Object]) -> Iterator[Samba]:
    """The server; an agent of the tests' own and the shares that it knows, made by the chart, began before it."""
    images = json.loads((ROOT / "build/images.json").read_text())
    values = {"global": {"images": {"shareAgent": images["share-agent"]}, "shares": shares}}
    objects = render(values, chart="windows-shares", files=(VALUES,))
    server = Samba(yard)
    server.apply(*objects)
    server.give_secrets()
    server.start()
    yield server
    server.stop()
    everything = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    yard.kubectl("delete", "-f", "-", "--timeout=120s", "--ignore-not-found", stdin=everything)


class Agent:
    """What the agent of this node says of its shares."""

    def __init__(self, yard: Any) -> None:
        self.yard = yard

    def states(self) -> dict[str, Object]:
        script = (
            "import glob,json; print(json.dumps([json.load(open(f)) for f in glob.glob('/var/lib/sparkyard/e2e-shares/*/state.json')]))"
        )
        done = self.yard.kubectl("exec", "-n", SECRETS, "ds/share-agent", "--", "python3", "-c", script, check=False)
        return {state["share"]: state for state in json.loads(done.stdout or "[]")}

    def wait_for(self, share: str, state: str, timeout: float = 90) -> Object:
        """The state itself, once it is that."""
        deadline = time.monotonic() + timeout
        while (found := self.states().get(share, {})).get("state") != state:
            assert time.monotonic() < deadline, f"{share} is not {state} after {timeout:.0f} s: {found}"
            time.sleep(1)
        return found

    def restart(self) -> None:
        self.yard.kubectl("delete", "pod", "-n", SECRETS, "-l", "app.kubernetes.io/name=share-agent")
        self.yard.kubectl("rollout", "status", "-n", SECRETS, "ds/share-agent", "--timeout=90s")
