"""The store itself, with the users and the policies that the chart gives it: no key may more than its use needs."""

import base64
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from charts.apiserver import free_port, get_tool, running
from charts.certificates import make_certificate
from charts.render import CHARTS, CI, list_pods, pick, render
from charts.rights import RIGHTS, Rights
from pyarrow.fs import FileSelector

pytestmark = [pytest.mark.helm, pytest.mark.images]
ROOT_KEY = ("root-key", "root-secret")


@pytest.fixture(scope="module")
def rights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rights]:
    """As the chart starts it, over a folder whose metadata are files and with TLS; tests/e2e has attributes and no TLS."""
    folder = tmp_path_factory.mktemp("store")
    objects = render(files=(CI / "everything-values.yaml",))
    users = base64.b64decode(pick(objects, "Secret", "lake-s3")["data"]["users.json"])
    (folder / "users.json").write_bytes(users)
    make_certificate(folder, "IP:127.0.0.1")
    spec, port, (access, secret) = list_pods(objects)["Deployment/lake-s3"]["spec"], free_port(), ROOT_KEY
    places = {":7070": f"127.0.0.1:{port}", "/run/secrets/lake": folder, "/run/secrets/tls": folder, "/data": folder}
    places["/etc/sparkyard/buckets.sh"] = CHARTS / "lake/files/buckets.sh"
    places["/etc/sparkyard"] = CHARTS / "lake/files/policies"
    subprocess.run(put_in_place(spec["initContainers"][0]["command"], places), check=True)
    command = [str(get_tool("versitygw", "versitygw")), "--access", access, "--secret", secret]
    keys = {name.removeprefix("yard-"): user["secret"] for name, user in json.loads(users)["accessAccounts"].items()}
    with running([*command, *put_in_place(spec["containers"][0]["args"], places)], folder / "log"):
        wait_for_port(port)
        yield Rights(f"127.0.0.1:{port}", ROOT_KEY, keys, str(folder / "tls.crt"))


def put_in_place(words: list[str], places: dict[str, Any]) -> list[str]:
    """A command of the pod, for paths here; the first place that fits counts."""
    return [next((word.replace(place, str(here), 1) for place, here in places.items() if word.startswith(place)), word) for word in words]


def wait_for_port(port: int, timeout: float = 30) -> None:
    deadline = time.monotonic() + timeout
    while True:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        assert time.monotonic() < deadline, "the store did not start"
        time.sleep(0.1)


@pytest.mark.parametrize(("use", "place"), RIGHTS)
def test_a_key_may_what_its_use_needs_and_no_more(rights: Rights, use: str, place: str) -> None:
    assert rights.of(use, place) == RIGHTS[use, place]


def test_strangers_see_nothing(rights: Rights) -> None:
    with pytest.raises(OSError, match=r"ACCESS_DENIED|403|Forbidden|SIGNATURE"):
        rights.connect("yard-jobs", "wrong").get_file_info(FileSelector("raw"))
