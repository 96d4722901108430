"""The store itself, with the users and the policies that the chart gives it: no key may more than its use needs."""

import base64
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from charts.apiserver import free_port, get_tool, running
from charts.render import CHARTS, pick, render
from charts.rights import RIGHTS, Rights
from pyarrow.fs import FileSelector

pytestmark = [pytest.mark.helm, pytest.mark.images]
ROOT_KEY = ("root-key", "root-secret")


@pytest.fixture(scope="module")
def rights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rights]:
    """Over a folder whose metadata are files; on a cluster tests/e2e does the same over attributes."""
    folder = tmp_path_factory.mktemp("store")
    data, metadata = folder / "data", folder / "metadata"
    users = base64.b64decode(pick(render(), "Secret", "lake-s3")["data"]["users.json"])
    (folder / "users.json").write_bytes(users)
    subprocess.run(["sh", CHARTS / "lake/files/buckets.sh", CHARTS / "lake/files/policies", data, metadata], check=True)
    port, (access, secret) = free_port(), ROOT_KEY
    options = ["--access", access, "--secret", secret, "--port", f"127.0.0.1:{port}", "--quiet", "--iam-dir", str(folder)]
    command = [str(get_tool("versitygw", "versitygw")), *options, "posix", "--sidecar", str(metadata), str(data)]
    keys = {name.removeprefix("yard-"): user["secret"] for name, user in json.loads(users)["accessAccounts"].items()}
    with running(command, folder / "log"):
        wait_for_port(port)
        yield Rights(f"127.0.0.1:{port}", ROOT_KEY, keys)


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
