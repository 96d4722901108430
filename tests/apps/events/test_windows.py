"""The windows against a computation of the same definition that shares nothing with the job."""

import csv
import random
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import jobfiles
import jobkit
from events import windows

pytestmark = pytest.mark.java
MINUTES = timedelta(minutes=10)


def run(yard: Any, *more: str) -> dict[str, Any]:
    return windows.main(["--input", yard.uri, *more], yard.spark)


def compute_windows(events: Iterable[tuple[str, str]]) -> list[tuple[Any, ...]]:
    """Plain Python: (start, open, close) of every window from the first to the last."""
    counts: Counter[tuple[datetime, str]] = Counter()
    for time, action in events:
        moment = datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        counts[moment - timedelta(minutes=moment.minute % 10, seconds=moment.second, microseconds=moment.microsecond), action] += 1
    starts = [start for start, _ in counts]
    found, start = [], min(starts)
    while start <= max(starts):
        found.append((int(start.timestamp()), counts[start, "Open"], counts[start, "Close"]))
        start += MINUTES
    return found


def read_windows(yard: Any) -> list[tuple[Any, ...]]:
    return yard.rows(windows.WINDOWS, windows.F.unix_seconds("window_start"), "open_count", "close_count")


def link_real_file(yard: Any, real_data: Path) -> list[tuple[str, str]]:
    yard.raw.mkdir(parents=True)
    source = real_data / "events" / "events.csv"
    (yard.raw / "events.csv").symlink_to(source)
    with source.open() as file:
        return [(row["time"], row["action"]) for row in csv.DictReader(file)]


@pytest.mark.data
def test_real_events_equal_an_independent_computation(yard: Any, real_data: Path) -> None:
    events = link_real_file(yard, real_data)
    result = run(yard)
    expected = compute_windows(events)
    assert read_windows(yard) == expected
    assert result["rows"] == {"read": 100_000, "rejected": 0, "written": 100_000}
    facts = result["facts"]
    assert facts["windows"] == len(expected)
    assert facts["average_total"] == pytest.approx(len(events) / len(expected), abs=1e-6)
    assert facts["average_open_count"] == pytest.approx(sum(row[1] for row in expected) / len(expected), abs=1e-6)
    assert facts["average_close_count"] == pytest.approx(sum(row[2] for row in expected) / len(expected), abs=1e-6)
    best = sorted(expected, key=lambda row: (-row[1], row[0]))
    top = [[f"{datetime.fromtimestamp(start, UTC):%Y-%m-%d %H:%M}", opened, closed] for start, opened, closed in best[:10]]
    assert [row[:3] for row in result["highlights"][1:]] == top
    tied = sum(row[1] == best[9][1] for row in best[10:])
    assert facts.get("tie", "").startswith(f"place 10 is shared: {tied} more") == (tied > 0)


@pytest.mark.data
def test_real_events_equal_duckdb_in_every_column(yard: Any, real_data: Path) -> None:
    import duckdb

    link_real_file(yard, real_data)
    run(yard)
    counts = f"""
        SELECT epoch(time_bucket(INTERVAL 10 MINUTE, "time"))::BIGINT AS start, count(*) FILTER (action = 'Open') AS opened,
               count(*) FILTER (action = 'Close') AS closed FROM read_csv('{real_data}/events/events.csv') GROUP BY start"""
    expected = duckdb.sql(f"""
        WITH counts AS ({counts}), spine AS (SELECT unnest(range(min(start), max(start) + 1, 600)) AS start FROM counts)
        SELECT start, start + 600, coalesce(opened, 0), coalesce(closed, 0), coalesce(opened + closed, 0), coalesce(opened + closed, 0) / 2,
               coalesce(opened, 0) / 10, coalesce(closed, 0) / 10, coalesce(opened + closed, 0) / 10
        FROM spine LEFT JOIN counts USING (start) ORDER BY start""").fetchall()
    edges = [windows.F.unix_seconds(edge).alias(edge) for edge in ("window_start", "window_end")]
    assert yard.rows(windows.WINDOWS, *edges, *yard.spark.table(windows.WINDOWS).columns[2:]) == expected


@pytest.mark.data
def test_one_percent_of_broken_lines_is_quarantined_to_the_line(yard: Any, real_data: Path) -> None:
    from sparkyard.samples.events import break_line

    lines = (real_data / "events" / "events.csv").read_bytes().splitlines()[1:]
    chance = random.Random(1)
    broken = {position: break_line(chance, lines[position]) for position in chance.sample(range(len(lines)), len(lines) // 100)}
    yard.raw.mkdir(parents=True)
    mixed = [broken.get(position, line) for position, line in enumerate(lines)]
    (yard.raw / "events.csv").write_bytes(b"\n".join([b"time,action", *mixed, b""]))
    result = run(yard)
    kept = [tuple(line.decode().split(",")) for position, line in enumerate(lines) if position not in broken]
    assert read_windows(yard) == compute_windows(kept)  # type: ignore[arg-type]
    assert result["rows"] == {"read": 100_000, "rejected": 1_000, "written": 99_000}
    assert sum(result["facts"]["rejected_because"].values()) == 1_000
    quarantined = [row[0] for row in yard.rows(windows.QUARANTINE, "line")]
    assert quarantined == sorted(line.decode(errors="replace") for line in broken.values())
    assert {row[0] for row in yard.rows(windows.QUARANTINE, "source_file")} == {f"{yard.uri}events.csv"}


def test_the_session_time_zone_changes_nothing(make_yard: Callable[[], Any]) -> None:
    found = []
    for zone in ("UTC", "Asia/Kathmandu"):
        yard = make_yard()
        yard.spark.conf.set("spark.sql.session.timeZone", zone)
        yard.put("a.csv", "2016-03-26T23:59:59.999Z,Open", "2016-03-27T00:00:00.000Z,Close", "2016-03-27T02:30:00.000Z,Open")
        result = run(yard)
        found.append((read_windows(yard), result["facts"], result["highlights"]))
    assert found[0] == found[1]
    assert found[0][0][0] == (1459036200, 1, 0)


def test_a_line_is_an_event_or_has_its_reason(yard: Any) -> None:
    good = ["2016-07-26T02:45:07.000Z,Open", ' "2016-07-26T02:45:07Z" ,\tclose ', "2016-07-26T02:45:07.123456Z,OPEN\r"]
    bad = {
        "": "blank line",
        "2016-07-26T02:45:07.000Z": "too few columns",
        "2016-07-26T02:45:07.000Z,Open,": "too many columns",
        "2016-07-26 02:45:07,Open": "time is not ISO 8601 in UTC",
        "2016-02-30T02:45:07.000Z,Open": "time is not ISO 8601 in UTC",
        "2016-07-26T25:45:07.000Z,Open": "time is not ISO 8601 in UTC",
        ",Open": "time is not ISO 8601 in UTC",
        "2016-07-26T02:45:07.000Z,Jump": "action is neither Open nor Close",
        "2016-07-26T02:45:07.000Z,": "action is neither Open nor Close",
        '2016-07-26T02:45:07.000Z,"Open': "action is neither Open nor Close",
    }
    yard.put("a.csv", *good, *bad)
    result = run(yard, "--max-rejected", "1")
    assert dict(yard.rows(windows.QUARANTINE, "line", "reason")) == bad
    assert result["rows"] == {"read": 13, "rejected": 10, "written": 3}
    assert read_windows(yard) == [(1469500800, 2, 1)]


def test_files_one_by_one_equal_all_at_once(make_yard: Callable[[], Any]) -> None:
    """The last file is late: its events fall into windows long known, and before the first."""
    chance = random.Random(7)
    start = datetime(2016, 7, 26, tzinfo=UTC)
    files = [
        [
            f"{start + timedelta(days=day, seconds=chance.randrange(86_400)):%Y-%m-%dT%H:%M:%S}.000Z,{chance.choice(['Open', 'Close'])}"
            for _ in range(200)
        ]
        for day in (1, 2, 9, 1)
    ]
    files[3].append("2016-07-20T12:00:00.000Z,Open")
    steps, whole = make_yard(), make_yard()
    for number, lines in enumerate(files):
        steps.put(f"{number}.csv", *lines)
        whole.put(f"{number}.csv", *lines)
        result = run(steps)
        assert result["facts"]["files_new"] == 1
        assert result["rows"]["read"] == len(lines)
    run(whole)
    expected = compute_windows(tuple(line.split(",")) for lines in files for line in lines)  # type: ignore[misc]
    assert read_windows(steps) == read_windows(whole) == expected
    assert steps.rows(windows.WINDOWS) == whole.rows(windows.WINDOWS)


def test_a_second_run_writes_nothing(yard: Any) -> None:
    yard.put("a.csv", "2016-07-26T02:45:07.000Z,Open", "2016-07-26T02:45:07.000Z,Open")
    first = run(yard)
    before = yard.snapshots()
    again = run(yard)
    assert yard.snapshots() == before
    assert again["rows"] == {"read": 0, "rejected": 0, "written": 0}
    assert "tables" not in again
    assert again["highlights"] == first["highlights"]


def test_a_changed_file_replaces_what_it_said(yard: Any) -> None:
    yard.put("a.csv", "2016-07-26T02:45:07.000Z,Open", "2016-07-27T02:45:07.000Z,Open")
    yard.put("b.csv", "2016-07-26T02:45:08.000Z,Close")
    run(yard)
    assert len(read_windows(yard)) == 145
    yard.put("a.csv", "2016-07-26T02:55:07.000Z,Close")
    run(yard)
    assert read_windows(yard) == [(1469500800, 0, 1), (1469501400, 0, 1)]


def die(*_: Any) -> None:
    raise RuntimeError("killed")


@pytest.mark.fault
@pytest.mark.parametrize("step", ["read_anew", "note_files"])
def test_a_run_that_died_is_made_good_by_the_next(yard: Any, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    yard.put("a.csv", "2016-07-26T02:45:07.000Z,Open", "broken", *["2016-07-26T02:46:00.000Z,Close"] * 30)
    with monkeypatch.context() as patch:
        patch.setattr(jobfiles, step, die)
        with pytest.raises(RuntimeError, match="killed"):
            run(yard)
    result = run(yard)
    assert result["rows"] == {"read": 32, "rejected": 1, "written": 31}
    assert read_windows(yard) == [(1469500800, 1, 30)]
    assert len(yard.rows(windows.QUARANTINE)) == 1


def give_up(*_: Any) -> None:
    raise RuntimeError("CommitFailedException: another run was quicker")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, sleep_as: Callable[..., None]) -> None:
    """A conflict is tried again once, and at once: each try of a run is a whole run."""
    monkeypatch.setattr(jobfiles.retry_conflicts, "__defaults__", (2,))
    sleep_as(jobfiles)


@pytest.mark.fault
@pytest.mark.parametrize("fault", [die, give_up])
def test_days_that_a_changed_file_left_are_renewed_after_a_death(
    make_yard: Callable[[], Any], impatient: None, monkeypatch: pytest.MonkeyPatch, fault: Callable[..., None]
) -> None:
    """Of the first day no event is left to say that its windows are wrong."""
    hurt, undisturbed = make_yard(), make_yard()
    other = ["2016-07-25T02:45:07.000Z,Open", "2016-07-28T02:45:07.000Z,Close"]
    for yard in (hurt, undisturbed):
        yard.put("other.csv", *other)
        yard.put("a.csv", "2016-07-26T02:45:07.000Z,Open", "2016-07-27T02:45:07.000Z,Open")
        run(yard)
        yard.put("a.csv", "2016-07-27T02:55:07.000Z,Close")
    with monkeypatch.context() as patch:
        patch.setattr(windows, "renew_windows", fault)
        with pytest.raises(RuntimeError):
            run(hurt)
    run(hurt)
    run(undisturbed)
    assert hurt.rows(windows.WINDOWS) == undisturbed.rows(windows.WINDOWS)
    before = hurt.snapshots()
    run(hurt)
    assert hurt.snapshots() == before, "nothing is owed any more"


@pytest.mark.fault
def test_a_conflict_that_lasts_forgets_no_day(yard: Any, impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run begins anew, and by then the table of events holds what the file says now."""
    yard.put("a.csv", "2016-07-26T02:45:07.000Z,Open", "2016-07-27T02:45:07.000Z,Open", "2016-07-28T02:45:07.000Z,Open")
    run(yard)
    yard.put("a.csv", "2016-07-26T02:45:07.000Z,Open", "2016-07-28T02:45:07.000Z,Open")
    renew_windows, tries = windows.renew_windows, iter(range(2))
    monkeypatch.setattr(windows, "renew_windows", lambda *what: renew_windows(*what) if next(tries, None) is None else give_up())
    run(yard)
    assert sum(row[1] for row in read_windows(yard)) == 2


@pytest.mark.fault
def test_what_a_dead_run_owed_is_settled_by_a_run_with_other_files(yard: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    yard.put("0.csv", "2016-07-25T02:45:07.000Z,Open")
    changed = yard.put("a.csv", "2016-07-26T02:45:07.000Z,Open", "2016-07-27T02:45:07.000Z,Open")
    run(yard)
    yard.put("a.csv", "2016-07-27T02:45:07.000Z,Open")
    with monkeypatch.context() as patch:
        patch.setattr(windows, "renew_windows", die)
        with pytest.raises(RuntimeError):
            run(yard)
    changed.unlink()
    yard.put("b.csv", "2016-07-28T02:45:07.000Z,Open")
    run(yard)
    assert [row[0] // 86400 - 17007 for row in read_windows(yard) if row[1]] == [0, 2, 3]
    assert windows.find_owed(yard.spark) == {}


def test_too_many_rejects_fail_and_touch_no_event(yard: Any, capsys: pytest.CaptureFixture[str]) -> None:
    yard.put("a.csv", *["2016-07-26T02:45:07.000Z,Open"] * 9, "nonsense")
    with pytest.raises(jobkit.InputError, match=r"1 of 10 rows rejected \(10\.00%\), more than the 5\.00%.*too few columns"):
        run(yard)
    assert yard.rows(windows.EVENTS) == []
    assert len(yard.rows(windows.QUARANTINE)) == 1
    assert '"status":"failed"' in capsys.readouterr().out.splitlines()[-1]
    yard.put("a.csv", *["2016-07-26T02:45:07.000Z,Open"] * 9)
    assert run(yard)["rows"]["written"] == 9
    assert yard.rows(windows.QUARANTINE) == []


@pytest.mark.parametrize("header", ["", "time;action", "action,time"])
def test_a_file_without_its_header_is_rejected_whole(yard: Any, header: str) -> None:
    yard.put("a.csv", "2016-07-26T02:45:07.000Z,Open", header=header)
    with pytest.raises(jobkit.InputError, match="its file has no header time,action"):
        run(yard)


def test_input_that_is_not_there(yard: Any) -> None:
    with pytest.raises(jobkit.InputError, match=f"{yard.uri}: no such file or folder"):
        run(yard)
    yard.raw.mkdir()
    (yard.raw / "empty.csv").touch()
    with pytest.raises(jobkit.InputError, match="no file with content"):
        run(yard)


def test_a_header_alone_is_no_event_and_no_error(yard: Any) -> None:
    yard.put("a.csv")
    result = run(yard)
    assert result["facts"]["windows"] == 0
    assert read_windows(yard) == []


def test_file_names_are_no_patterns(yard: Any) -> None:
    names = ["a b.csv", "x[1].csv", "{y}.csv", "z*.csv", "ü+%41.csv"]
    for name in names:
        yard.put(name, "2016-07-26T02:45:07.000Z,Open")
    assert run(yard)["rows"]["read"] == len(names)
    assert run(yard)["facts"]["files_new"] == 0


def test_ties_go_to_the_earlier_window_and_are_told(yard: Any) -> None:
    yard.put("a.csv", *[f"2016-07-26T{hour:02d}:00:00.000Z,Open" for hour in (5, 4, 3, 2)], "2016-07-26T05:00:01.000Z,Open")
    result = run(yard, "--top", "2")
    assert [row[:2] for row in result["highlights"][1:]] == [["2016-07-26 05:00", 2], ["2016-07-26 02:00", 1]]
    assert result["facts"]["tie"].startswith("place 2 is shared: 2 more window(s) have open_count 1")


def test_one_wrong_year_does_not_fill_the_table(yard: Any) -> None:
    yard.put("a.csv", "2016-07-26T02:45:07.000Z,Open", "9016-07-26T02:45:07.000Z,Open")
    with pytest.raises(jobkit.InputError, match=r"2016-07-26 .* to 9016-07-26 .*--max-days"):
        run(yard)
    assert yard.rows(windows.EVENTS) == []


@pytest.mark.parametrize("wrong", [["--top", "0"], ["--by", "jump"], ["--max-rejected", "2"], ["--max-rejected", "x"], ["--colour"], []])
def test_wrong_arguments_are_named(spark: Any, wrong: list[str]) -> None:
    with pytest.raises(jobkit.UsageError, match=wrong[0] if wrong else "--input"):
        windows.main(wrong if not wrong else ["--input", "s3a://raw/x/", *wrong], spark)


TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(
    lambda time: f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03d}Z"
)
WRONG_TIMES = st.sampled_from(["", "now", "2016-02-30T00:00:00.000Z", "2016-07-26T24:00:00.000Z", "2016-07-26T00:00:00.000", "2016-07-26"])
ACTIONS = st.sampled_from(["Open", "Close", "open", "CLOSE", "oPeN", "", "Opened", "Open Close", "jump", "'Open'"])
BLANKS = st.sampled_from(["", " ", "\t"])
FIELDS = st.tuples(BLANKS, st.sampled_from(["", '"']), TIMES | WRONG_TIMES | ACTIONS, st.sampled_from(["", '"']), BLANKS).map("".join)
LINES = st.lists(st.lists(FIELDS, min_size=1, max_size=3).map(",".join), min_size=50, max_size=200)


def classify(line: str) -> tuple[str, str] | None:
    """Plain Python: the event that a line is, or None."""
    fields = [field.strip(" \t") for field in line.split(",")]
    time, action = [unquote(field) for field in fields] if len(fields) == 2 else ("", "")
    try:
        datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%fZ")
    except ValueError:
        return None
    return (time, action.capitalize()) if action.lower() in ("open", "close") else None


def unquote(text: str) -> str:
    return text[1:-1].strip(" ") if len(text) > 1 and text[0] == text[-1] == '"' else text


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(LINES)
def test_any_line_is_read_as_plain_python_reads_it(spark: Any, lines: list[str]) -> None:
    frame = spark.createDataFrame([(line, str(number)) for number, line in enumerate(lines)], "value string, source_file string")
    time = windows.F.date_format("time", "yyyy-MM-dd'T'HH:mm:ss.SSSX").alias("text")
    for row in windows.parse_lines(frame).select("source_file", "line", time, "action", "reason").collect():
        expected = classify(lines[int(row.source_file)])
        assert (row.reason is None) == (expected is not None), row
        assert expected is None or expected == (row.text, row.action)


@pytest.mark.fault
def test_runs_at_once_lose_nothing(make_yard: Callable[[], Any]) -> None:
    """Two sessions with a file each, whose events fall into the same windows, on one lake; whoever commits second computes anew."""
    left, right = make_yard(), make_yard()
    right.share(left)
    for turn in range(3):
        for yard, seconds in ((left, 7), (right, 8)):
            yard.put(f"{turn}.csv", *[f"2016-07-2{turn + 6}T0{hour}:45:{seconds:02d}.000Z,Open" for hour in range(10)])
        with ThreadPoolExecutor(2) as pool:
            results = list(pool.map(run, (left, right)))
        assert [result["rows"]["written"] for result in results] == [10, 10]
        left.spark.sql(f"REFRESH TABLE {windows.WINDOWS}")
        assert sum(row[1] for row in read_windows(left)) == 20 * (turn + 1)


def test_files_as_windows_writes_them(yard: Any) -> None:
    yard.raw.mkdir(parents=True)
    text = "\ufefftime,action\r\n2016-07-26T02:45:07.000Z,Open\r\n2016-07-26T02:45:08.000Z,Close\r\n"
    (yard.raw / "a.csv").write_bytes(text.encode())
    result = windows.main(["--input", f"{yard.uri}a.csv"], yard.spark)
    assert result["rows"] == {"read": 2, "rejected": 0, "written": 2}


@pytest.mark.fault
def test_a_commit_between_reading_and_writing_is_noticed(make_yard: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """While one run counts, another run commits: on a lake without windows first, then on one that has some."""
    left, right = make_yard(), make_yard()
    right.share(left)
    count_windows = windows.count_windows
    for turn in range(2):
        counted: list[int] = []

        def count(events: Any, numbers: Any, counted: list[int] = counted) -> Any:
            counted.append(1)
            if len(counted) == 1:
                run(right)
            return count_windows(events, numbers)

        monkeypatch.setattr(windows, "count_windows", count)
        left.put(f"{turn}.csv", "2016-07-26T02:45:07.000Z,Open")
        right.put(f"{turn}.csv", "2016-07-26T02:45:08.000Z,Close", f"2016-07-27T0{turn}:00:00.000Z,Close")
        run(left)
        assert len(counted) == 3, "the first to count must count again"
        found = {row[0]: row[1:] for row in read_windows(left)}
        assert found[1469500800] == (turn + 1, turn + 1)
        assert sum(sum(row) for row in found.values()) == 3 * (turn + 1)
