"""The report of runs: whole, safe against what a job says, and at home in a browser without a network."""

import base64
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sparkyard.errors import UsageError
from sparkyard.local.store import save_record
from sparkyard.report import Page, render_report
from sparkyard.runs.plots import NO_PLOT, draw_plot
from sparkyard.runs.report import choose_records, load_definition, make_page
from sparkyard.summary import RunRecord


def make_png() -> bytes:
    """One grey pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header, pixel = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0), zlib.compress(b"\0\x80")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


def make_record(job: str, run_id: str, **fields: Any) -> RunRecord:
    summary = {
        "highlights": [["window", "open_count"], ["<b>02:40</b>", 1234]],
        "facts": {"average_total": 1.5, "rejected_because": {"too few columns": 7}},
        "checks": {"rows add up": True},
        "plot": {"caption": 'counts of "events"'},
    }
    rows: dict[str, int | None] = {"read": 100, "rejected": 7, "written": 93}
    times = {"session": 1.0, "write": 3.0, "total": 4.5}
    given = {"state": "succeeded", "summary": summary, "rows": rows, "times": times, "tables": ["yard.refined.x"], **fields}
    return RunRecord(run_id, "manifests/jobs/events-windows.yaml", job, "local", **given)


def make_pages() -> list[Page]:
    failed = make_record("hello", "r2", state="failed", summary=None, cause={"type": "InputError", "message": "<script>alert(1)</script>"})
    return [Page(make_record("events", "r1"), "Open & close events.", make_png()), Page(failed)]


def test_it_tells_answers_facts_times_rejects_and_definitions() -> None:
    text = render_report(make_pages(), "Nightly", "now")
    for words in ("1,234", "average total", "too few columns", "Open &amp; close events.", "yard.refined.x", "3.00 s", "rows add up"):
        assert words in text
    assert base64.b64encode(make_png()).decode() in text


def test_what_a_job_says_is_never_markup() -> None:
    text = render_report(make_pages(), "<i>", "now")
    assert "&lt;b&gt;02:40" in text
    assert "<script" not in text
    assert "<title>&lt;i&gt;</title>" in text


def test_a_job_stands_for_its_latest_run(tmp_path: Path) -> None:
    for job, run_id in (("q10", "0-q10"), ("q2", "1-q2"), ("q2", "2-q2")):
        save_record(tmp_path, make_record(job, run_id))
    assert [record.run_id for record in choose_records(tmp_path, [])] == ["2-q2", "0-q10"]
    assert [record.run_id for record in choose_records(tmp_path, ["q2", "1-"])] == ["2-q2", "1-q2"]
    with pytest.raises(UsageError, match="no such run"):
        choose_records(tmp_path, ["nothing"])


def test_a_home_without_runs_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no runs"):
        choose_records(tmp_path, [])


def test_the_definition_is_what_the_job_says_of_itself() -> None:
    assert load_definition("manifests/jobs/events-windows.yaml").startswith("Open and close events in 10-minute windows")
    assert load_definition("nowhere.yaml") == ""


@pytest.mark.parametrize("link", ["", "not drawn: " + 300 * "x", "not drawn: \0", "gone.png"])
def test_a_plot_that_cannot_be_drawn_ends_no_report(link: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def load_table(*_: Any, **__: Any) -> None:
        raise KeyError("no <table>")

    monkeypatch.setattr("sparkyard.lake.load_table", load_table)
    record = make_record("events", "r1", links={"plot": link})
    assert record.summary is not None
    record.summary["plot"] = {"table": "yard.refined.x", "x": "a", "y": ["b"]}
    assert make_page(record).plot == b""
    page = make_page(record, object())  # type: ignore[arg-type]
    assert page.plot == b""
    assert "Plot not drawn: &#x27;no &lt;table&gt;&#x27;" in render_report([page], "Nightly", "now")


def test_why_a_plot_was_not_drawn_is_no_file(tmp_path: Path) -> None:
    assert draw_plot(tmp_path, {"table": "yard.x", "x": "a", "y": ["b"]}, tmp_path / "p.png").keys() == {NO_PLOT}
    page = make_page(make_record("events", "r1", links={NO_PLOT: "not drawn: no lake here"}))
    assert "Plot not drawn: no lake here" in render_report([page], "Nightly", "now")


@pytest.fixture
def browser() -> Iterator[Any]:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for switch in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1100,1600"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    yield driver
    driver.quit()


@pytest.mark.browser
def test_a_browser_shows_it_without_a_complaint_and_without_a_network(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(render_report(make_pages(), "Nightly", "now"), encoding="utf-8")
    browser.get(file.as_uri())
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
    assert {url for url in asked if not url.startswith("data:")} == {file.as_uri()}
    assert browser.execute_script("return document.images[0].naturalWidth") == 1
    assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth"), "wider than the window"
