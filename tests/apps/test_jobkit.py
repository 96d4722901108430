"""What a job says of itself, without Spark."""

import json
from pathlib import Path
from typing import Any

import pytest

import jobkit


def fail(*_: Any) -> None:
    raise ValueError("An error occurred while calling o1.x.\n: java.Foo: it broke\n\tat a.b.C\nCaused by: java.Root: the reason\n\tat d")


def test_a_failure_is_told_without_the_stack(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARKYARD_SUMMARY", str(tmp_path / "summary.json"))
    monkeypatch.setenv("SPARKYARD_RUN_ID", "r1")
    with pytest.raises(ValueError, match="it broke"):
        jobkit.run("x", jobkit.Arguments("x"), fail, [], object())  # type: ignore[arg-type]
    told = json.loads(capsys.readouterr().out.splitlines()[-1].removeprefix("RESULT "))
    assert told["error"] == {"type": "ValueError", "message": "java.Foo: it broke ← java.Root: the reason"}
    assert (told["run_id"], told["status"]) == ("r1", "failed")
    assert json.loads((tmp_path / "summary.json").read_text()) == told


def test_a_summary_fits_a_termination_message() -> None:
    job = jobkit.Job("x")
    job.highlights = [["é" * 50] * 4 for _ in range(100)]
    job.facts = {"note": "n" * 3000}
    line = jobkit.format_summary(job.result())
    assert len(line.encode()) <= 4096
    assert json.loads(line)["shortened"]
    assert "highlights" not in json.loads(line)
    assert json.loads(line)["facts"] == job.facts


def test_an_explained_failure_ends_in_its_line() -> None:
    def main() -> dict[str, Any]:
        raise jobkit.InputError("no file")

    with pytest.raises(SystemExit, match="InputError: no file"):
        jobkit.launch(main)


def test_a_failed_check_fails_the_job() -> None:
    job = jobkit.Job("x")
    with pytest.raises(jobkit.JobError, match="check failed: 1 = 2"):
        job.check("1 = 2", 1 == 2)
    assert job.checks == {"1 = 2": False}
