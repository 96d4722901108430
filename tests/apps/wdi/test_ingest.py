"""Ingest against a real HTTP server that fails in every way: raw stays as it was, byte for byte, and nothing is done twice."""

import os
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from apps.wdi.server import Server, running

import jobfiles
import jobkit
import webfetch
from wdi import ingest

pytestmark = pytest.mark.java
OLD, NEW = b"old\r\n\xef\xbb\xbf\xff" * 1000, b"new\n" * 3000


class Source:
    """A lake and a server."""

    def __init__(self, yard: Any, server: Server, url: str) -> None:
        self.yard, self.server, self.url = yard, server, url

    def run(self, *args: str) -> dict[str, Any]:
        self.server.asked.clear()
        return ingest.main(["--url", self.url, "--to", self.yard.uri, *args], self.yard.spark)

    def raw(self) -> dict[str, bytes]:
        return {str(file.relative_to(self.yard.raw)): file.read_bytes() for file in self.yard.raw.rglob("*") if file.is_file()}

    def states(self) -> list[str]:
        return [row.state for row in self.yard.spark.sql(f"SELECT state FROM {ingest.DOWNLOADS} ORDER BY at").collect()]


@pytest.fixture
def source(yard: Any, sleep_as: Callable[..., None]) -> Iterator[Source]:
    sleep_as(webfetch)
    with running() as (server, url):
        yield Source(yard, server, url)


@pytest.fixture(scope="module")
def landed(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    """OLD has landed already: one lake for all faults."""
    from urllib.parse import urlparse

    from apps.conftest import Yard

    raw = Path(urlparse(spark.conf.get("spark.hadoop.fs.viewfs.mounttable.raw.linkFallback")).path) / "wdi-faults"
    with running() as (server, url):
        source = Source(Yard(spark, tmp_path_factory.mktemp("wdi") / "lake", raw), server, url)
        server.serve(OLD)
        source.run()
        yield source


def test_what_is_new_lands_byte_for_byte_beside_the_old(source: Source) -> None:
    source.server.serve(OLD)
    first = source.run()
    (name,) = source.raw()
    assert source.raw() == {name: OLD}
    assert name.endswith("/WDICSV.csv")
    assert first["facts"]["landed"].endswith(name)
    before = source.yard.spark.table(f"{ingest.DOWNLOADS}.snapshots").count()
    again = source.run()
    assert again["facts"]["nothing_new"] == "the server says so"
    assert source.server.asked[0]["If-None-Match"] == '"1"'
    assert source.yard.spark.table(f"{ingest.DOWNLOADS}.snapshots").count() == before, "nothing new is nothing done"
    source.server.serve(NEW, etag='"2"')
    source.run()
    assert sorted(source.raw().values()) == sorted([OLD, NEW])
    assert source.raw()[name] == OLD
    assert source.states() == ["begun", "landed", "begun", "landed"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("cut off", "bytes came of the"),
        ("chunks cut off", "cut off after"),
        ("too long", "bytes came of the"),
        ("too short", "no whole ZIP file"),
        ("slow", r"\(timed out\)"),
        ("trickle", "not done in 1 seconds"),
        ("500", "the server says 500"),
        ("404", "the server says 404"),
        ("no zip", "no whole ZIP file"),
        ("no member", "expected one WDICSV.csv with content in the ZIP file, found 0"),
        ("empty member", "found 0"),
        ("flipped bit", "the ZIP file is broken"),
    ],
)
def test_a_fault_leaves_raw_as_it_was(landed: Source, fault: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webfetch, "ATTEMPTS", 1)
    before, states = landed.raw(), landed.states()
    landed.server.serve(NEW, fault, etag='"2"')
    with pytest.raises(jobkit.InputError, match=rf"{said}.*raw is as it was"):
        landed.run(*{"slow": ["--patience", "1"], "trickle": ["--timeout", "1"]}.get(fault, []))
    assert landed.raw() == before
    assert landed.states()[len(states) :] in ([], ["begun", "failed"]), "the next run is not kept waiting"


def test_a_server_that_was_busy_for_a_moment_is_asked_again(source: Source) -> None:
    source.server.serve(OLD, "500 once")
    source.run()
    assert list(source.raw().values()) == [OLD]
    assert len(source.server.asked) == 2


def test_the_content_says_what_is_new_and_an_etag_does_not(source: Source) -> None:
    source.server.serve(OLD)
    source.run()
    source.server.serve(OLD, "no conditions", etag='"2"')
    assert "nothing_new" in source.run()["facts"]
    assert source.states()[-1] == "same"
    source.server.serve(NEW)  # changed, with the same ETag
    assert source.run()["facts"]["nothing_new"] == "the server says so"
    assert list(source.raw().values()) == [OLD]
    result = source.run("--recheck-days", "0")
    assert "etag_is_wrong" in result["facts"]
    assert sorted(source.raw().values()) == sorted([OLD, NEW])
    source.run()
    assert "If-None-Match" not in source.server.asked[0]
    assert source.states()[-1] == "same"


@pytest.mark.fault
def test_overlapping_runs_do_the_work_once(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    source.server.serve(OLD, "held")
    monkeypatch.setenv("SPARKYARD_RUN_ID", "first")
    results: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: results.append(source.run("--patience", "300")))
    thread.start()
    deadline = time.monotonic() + 200
    while not (source.yard.spark.catalog.tableExists(ingest.DOWNLOADS) and source.states()) and time.monotonic() < deadline:
        threading.Event().wait(0.2)
    monkeypatch.setenv("SPARKYARD_RUN_ID", "second")
    other = source.run()
    assert other["facts"]["nothing_new"] == "left to first, which is at it"
    source.server.release.set()
    thread.join(200)
    assert results[0]["rows"]["written"] == 1
    assert list(source.raw().values()) == [OLD]
    assert "nothing_new" in source.run()["facts"]


@pytest.mark.fault
def test_a_second_try_sees_who_began_after_the_first(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tries of a task have one id: what the first one, which was killed, could see is not all that there is."""
    jobfiles.ensure_tables(source.yard.spark, {ingest.DOWNLOADS: (ingest.COLUMNS, "")})
    for run in ("task", "other"):
        monkeypatch.setenv("SPARKYARD_RUN_ID", run)
        ingest.note(source.yard.spark, Namespace(url=source.url), jobkit.Job("wdi-ingest"), "begun")
    source.server.serve(OLD)
    monkeypatch.setenv("SPARKYARD_RUN_ID", "task")
    assert source.run()["facts"]["nothing_new"] == "left to other, which is at it"
    assert source.raw() == {}


@pytest.mark.fault
def test_what_a_killed_run_left_half_written_is_swept(landed: Source) -> None:
    for name, written in ((".landing-dead", time.time() - 3600), (".landing-lives", time.time())):
        (landed.yard.raw / name).write_text("half")
        os.utime(landed.yard.raw / name, (written, written))
    landed.server.serve(OLD, etag='"1"')
    assert landed.run()["facts"] == {"nothing_new": "the server says so"}, "raw is looked through where something comes"
    told = landed.run("--recheck-days", "0")["facts"]
    assert (told["drafts_swept"], "nothing_new" in told) == (1, True)
    assert {file.name for file in landed.yard.raw.glob(".*")} == {".landing-lives"}


@pytest.mark.parametrize("wrong", [["--url", "ftp://x/y.zip"], ["--url", "WDI.zip"], ["--patience", "0"], ["--timeout", "x"]])
def test_wrong_arguments_are_named_before_anything_starts(wrong: list[str]) -> None:
    with pytest.raises(jobkit.UsageError, match=wrong[0]):
        ingest.main([*(["--url", "http://x/y"] if wrong[0] != "--url" else []), *wrong], None)
