"""`make bench-jobs` in small: it measures what it says, and ends where answers differ."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parents[2] / "scripts" / "bench"
ROWS = [["class", 0, 10, 0.5], ["class", None, 3, 0.25]]


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH))
    import jobs

    return jobs


def test_each_side_is_measured_cold_and_warm(jobs: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way with processes that start at once: DuckDB stands in for all three."""
    monkeypatch.setattr(jobs, "started", lambda _, lake, question, start=jobs.started: start("duckdb", lake, question))
    bench = jobs.Bench(jobs.Lake(tmp_path, 0.02), ["q1", "q4"])
    bench.lake.fill()
    bench.warm()
    bench.cold("ours", "q1")
    warm = [("warm", question, side) for question in ("q1", "q4") for side in ("ours", "usual", "duckdb")]
    assert [(one.kind, one.question, one.side) for one in bench.measured] == [*warm, ("cold", "q1", "ours")]
    assert all(one.seconds > 0 and one.peak > 10 for one in bench.measured)
    assert not list(tmp_path.glob("tmp*")), "scratch folders are taken away"


@pytest.mark.java
@pytest.mark.long
def test_three_sides_answer_and_are_measured(tmp_path: Path) -> None:
    """That they agree on every question is said by tests/apps/trace/test_bench_sides.py, with less starting."""
    figures = tmp_path / "figures.json"
    wanted = ["--scales", "0.02", "--questions", "q1", "--kinds", "warm", "--json", str(figures), "--home", str(tmp_path)]
    done = subprocess.run([sys.executable, str(BENCH / "jobs.py"), *wanted], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the three sides agree on q1" in done.stdout
    measured = {(row["kind"], row["question"], row["side"]): row for row in json.loads(figures.read_text())}
    assert set(measured) == {("cold", "landing", "ours"), *(("warm", "q1", side) for side in ("ours", "usual", "duckdb"))}
    peaks = {side: row["peak"] for (_, _, side), row in measured.items()}
    assert peaks["ours"] > peaks["duckdb"], "Java and Python together, MiB"


def test_order_and_rounding_are_no_difference(jobs: ModuleType) -> None:
    near = [["class", None, 3, 0.25 * (1 + 1e-12)], ["class", 0, 10, 0.5]]
    jobs.compare("q4", {"ours": ROWS, "usual": near, "duckdb": near})


@pytest.mark.parametrize(
    "other",
    [
        [["class", 0, 10, 0.5]],
        [["class", 0, 11, 0.5], ["class", None, 3, 0.25]],
        [["class", 0, 10, 0.5 + 1e-8], ["class", None, 3, 0.25]],
        [["class", 0, 10, None], ["class", None, 3, 0.25]],
        [],
    ],
    ids=["a row less", "a count", "a share", "no value", "nothing"],
)
def test_a_difference_ends_the_run(jobs: ModuleType, other: list[object]) -> None:
    with pytest.raises(SystemExit, match="q4: ours and duckdb differ"):
        jobs.compare("q4", {"ours": ROWS, "usual": ROWS, "duckdb": other})


def test_ratios_totals_and_growth(jobs: ModuleType) -> None:
    from tables import Measured, format_growth, format_scale

    def measure(scale: float, ours: float, usual: float) -> list[Measured]:
        seconds = {"ours": ours, "usual": usual, "duckdb": 1.0}
        return [
            Measured(scale, "cold", "landing", "ours", 6.0, 9.0, 700),
            *(Measured(scale, "warm", "q1", side, took, took * 2, 500) for side, took in seconds.items()),
        ]

    measured = measure(1, 2.0, 8.0) + measure(4, 4.0, 64.0)
    first, last = (format_scale(scale, measured).split() for scale in (1, 4))
    assert first[first.index("q1") :][:6] == ["q1", "2.00", "8.00", "1.00", "4.00x", "0.50x"]
    assert last[last.index("too") :][:6] == ["too", "10.00", "64.00", "1.00", "6.40x", "0.10x"]
    assert "too 17.00 128.00 2.00 7.53x" in " ".join(last), "the same in seconds of CPU"
    assert "ours   0.50 usual   2.00 duckdb   0.25" in format_growth(measured)


def test_work_is_the_time_in_which_stages_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    import scale

    def passed(begin: int, spans: list[tuple[int, int]]) -> list[dict[str, Any]]:
        mark = {"Event": "SparkListenerJobStart", "Submission Time": begin, "Properties": {"spark.job.description": scale.MARK}}
        infos = [{"Submission Time": since, "Completion Time": until} for since, until in spans]
        return [mark, *({"Event": "SparkListenerStageCompleted", "Stage Info": info} for info in infos)]

    begun = [{"Event": "SparkListenerExecutorAdded"}] * 2 + [{"Event": "SparkListenerStageSubmitted"}]
    first, second = passed(900, [(1000, 3000), (2000, 4000), (2500, 2600), (9000, 9500)]), passed(9600, [(9700, 10_700)])
    assert scale.count_executors([*begun, *first, {"Event": "SparkListenerExecutorAdded"}]) == 2
    assert scale.work_seconds([*begun, *first, *second]) == [3.5, 1.0]
    measured = {1: (80.0, 40.0), 2: (42.0, 20.0), 4: (25.0, 16.0)}
    table = scale.format_speed("trace-land", measured).splitlines()
    assert [line.split() for line in table[2:]] == [
        ["1", "80.0", "1.00x", "1.00", "40.0", "1.00x", "1.00"],
        ["2", "42.0", "1.90x", "0.95", "20.0", "2.00x", "1.00"],
        ["4", "25.0", "3.20x", "0.80", "16.0", "2.50x", "0.62"],
    ]
