"""A Windows share in a person's notebook and its executors: there to read, and named with server and cause while it is lost."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from e2e.hub import SPACE, Hub, Kernel, list_executors, make_surroundings, upgrade
from e2e.samba import Agent, Samba, known_shares, serving

from sparkyard.project import ROOT
from sparkyard.samples.losses import make_files

pytestmark = [pytest.mark.cluster, pytest.mark.helm, pytest.mark.long]
SHARE = {
    "name": "risk",
    "server": "samba.e2e-samba.svc",
    "share": "data",
    "subPath": "losses",
    "secret": "e2e-spark",
    "namespaces": [SPACE],
}
FILES = "/shares/risk/files"
LOST_WITHIN = 60  # seconds: as for jobs
LOOK = f"""
def look(number):
    import socket
    return socket.gethostname(), open("{FILES}/word.txt").read()
"""
HERE = "print(look(0))"
THERE = "print(sorted(set(spark.sparkContext.parallelize(range(8), 4).map(look).collect())))"
READ = f"print(spark.read.text('file://{FILES}/word.txt').first()[0])"


@pytest.fixture(scope="module")
def samba(yard: Any, hub: Hub) -> Iterator[Samba]:
    with serving(yard, [SHARE]) as server:
        for name, content in make_files(0.02):
            server.put(f"/srv/data/losses/{name}", content)
        server.put("/srv/data/losses/word.txt", b"here")
        Agent(yard).wait_for("risk", "mounted")
        yield server


@pytest.fixture(scope="module")
def emil(yard: Any, hub: Hub, samba: Samba) -> Iterator[Kernel]:
    """His kernel, in a release that gives the share to notebooks."""
    try:
        yard.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(make_surroundings(yard, known_shares([SHARE]))))
        upgrade(yard, shares=[SHARE])
        hub.start("emil")
        hub.wait_for_server("emil")
        kernel = hub.open_kernel("emil")
        yield kernel
        kernel.close()
        hub.stop("emil")
    finally:
        yard.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(make_surroundings(yard)))
        upgrade(yard)


def test_course_04_reads_it_where_it_lies(emil: Kernel) -> None:
    answers = emil.run_notebook(ROOT / "notebooks/04-share.ipynb")
    assert FILES in answers[0].text
    rows = sum(content.count(b"\n") - 1 for _, content in make_files(0.02))
    assert answers[2].text.splitlines()[-1] == str(rows)


def test_notebook_and_executors_read_the_same_file_in_restricted_pods(yard: Any, emil: Kernel) -> None:
    labels = yard.kube.get(f"/api/v1/namespaces/{SPACE}")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    emil.must(LOOK)
    assert emil.must(HERE).text == "('jupyter-emil', 'here')\n"
    there = emil.must(THERE).text
    executors = {pod["metadata"]["name"] for pod in list_executors(yard, "emil")}
    assert executors
    assert all(f"('{name}', 'here')" in there for name in executors), (executors, there)
    assert "jupyter-emil" not in there


def test_a_share_to_read_cannot_be_written(emil: Kernel) -> None:
    refused = emil.run(f"open('{FILES}/mine.txt', 'w')")
    assert "Read-only file system" in refused.error


def test_a_lost_share_is_named_in_the_cell_and_comes_back_in_the_same_kernel(yard: Any, emil: Kernel, samba: Samba) -> None:
    pods = {pod["metadata"]["name"] for pod in list_executors(yard, "emil")}
    samba.crash(stay_down=True)
    try:
        for cell in (HERE, READ, THERE):
            told = wait_for_words(emil, cell, "share risk (//samba.e2e-samba.svc/data/losses): ")
            print(cell, told, sep="\n")
            assert "`sparkyard share test risk`" in told
            assert any(cause in told for cause in ("refused", "timed out", "connection broken", "no route")), told
    finally:
        samba.come_back()
    for cell in (HERE, READ, THERE):
        wait_for_words(emil, cell, "here")
    assert pods & {pod["metadata"]["name"] for pod in list_executors(yard, "emil")}, "other executors read it, not those that had lost it"


def wait_for_words(kernel: Kernel, cell: str, words: str) -> str:
    """What the cell says, or its error, once these words are among it."""
    begin = time.monotonic()
    while True:
        answer = kernel.run(cell)
        if words in (told := "\n".join([answer.text, *answer.trace])):
            return told
        assert time.monotonic() - begin < LOST_WITHIN, f"{cell} after {LOST_WITHIN} s: {told}"
        time.sleep(1)
