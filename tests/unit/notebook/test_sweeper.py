"""Executors whose kernel has ended: found by the ledger of kernels, deleted, counted."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sparkyard.names import NOTEBOOK_KERNEL_LABEL
from sparkyard.notebook import ledger, sweeper


def make_pod(name: str, kernel: str = "", **meta: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {NOTEBOOK_KERNEL_LABEL: kernel} if kernel else {}, **meta}}


def test_what_belongs_to_no_living_kernel() -> None:
    pods = [make_pod("a", "k1"), make_pod("b", "k2"), make_pod("c"), make_pod("d", "k2", deletionTimestamp="now")]
    assert sweeper.find_orphans(pods, {"k1"}) == ["b", "c"]


def test_it_deletes_and_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    deleted: list[str] = []
    monkeypatch.setattr(sweeper, "list_executors", lambda namespace, user: [make_pod("a", "k1"), make_pod("b", "k2")])
    monkeypatch.setattr(sweeper, "list_living", lambda: {"k1"})
    monkeypatch.setattr(sweeper, "delete_pod", lambda namespace, name: deleted.append(name))
    before = sweeper.ORPHANS._value.get()
    assert sweeper.sweep("n", "ann") == deleted == ["b"]
    assert sweeper.ORPHANS._value.get() == before + 1
    assert sweeper.EXECUTORS.labels("ended")._value.get() == 1


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ledger, "LEDGER", tmp_path / "kernels")
    return tmp_path / "kernels"


@pytest.fixture
def kernel(tmp_path: Path, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process with a child called java, as a kernel has that started Spark; `java` ends when a line comes."""
    (tmp_path / "java").symlink_to("/bin/cat")
    code = f"import subprocess; java = subprocess.Popen([{str(tmp_path / 'java')!r}]); print('ready', flush=True); input()"
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe)
    assert process.stdout
    process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


def enter(pid: int) -> ledger.Entry:
    return ledger.enter("http://x:4040", ledger.Entry("k1", pid, ledger.read_begin(pid)))


def test_a_kernel_with_its_java_lives(kernel: "subprocess.Popen[bytes]", folder: Path) -> None:
    enter(kernel.pid)
    assert ledger.list_living() == {"k1"}
    kernel.kill()
    kernel.wait()
    assert ledger.list_living() == set()
    assert ledger.load_entries() == [], "its entry is taken away"


def test_one_that_is_killed_and_not_yet_buried_is_dead(kernel: "subprocess.Popen[bytes]", folder: Path) -> None:
    enter(kernel.pid)
    kernel.kill()
    while ledger.read_stat(kernel.pid)[0] != "Z":
        pass
    assert ledger.list_living() == set()


def test_one_without_java_has_no_executors(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        enter(process.pid)
        assert ledger.list_living() == set()
    assert [entry.kernel for entry in ledger.load_entries()] == ["k1"]


def test_another_process_of_the_same_number_is_not_it(folder: Path) -> None:
    ledger.enter("", ledger.Entry("k1", os.getpid(), "12"))
    assert ledger.list_living() == set()
    assert ledger.load_entries() == []
