"""`make images` as a user meets it: nothing to do, an edited job, a mistake."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sparkyard.project import ROOT

SECONDS_FOR_AN_EDIT = 20


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the project to edit, with the same cache, storage and registry."""
    copy = tmp_path / "copy"
    for name in ("images", "scripts", "spark_apps"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    (copy / "build").mkdir()
    files = [file.relative_to(ROOT) for file in (ROOT / "build").iterdir() if file.is_file()]  # its folders hold gigabytes
    for name in ("pyproject.toml", "uv.lock", "README.md", *files):
        shutil.copy(ROOT / name, copy / name)
    (copy / "build/uv").symlink_to(ROOT / "build/uv")
    return copy


def build(checkout: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "scripts/images/main.py", "build", *args]
    env = {**os.environ, "PYTHONPATH": str(checkout / "scripts")}
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, env=env)


@pytest.mark.images
@pytest.mark.cluster
def test_an_edited_job_is_rebuilt_and_pushed_in_seconds(checkout: Path) -> None:
    first = build(checkout, "--push", "spark")
    assert first.returncode == 0, first.stderr
    again = build(checkout, "--push", "spark")
    assert "building" not in again.stdout
    with (checkout / "spark_apps" / "jobkit.py").open("a") as file:
        file.write(f"\n# {time.time_ns()}\n")
    start = time.monotonic()
    edited = build(checkout, "--push", "spark")
    took = time.monotonic() - start
    assert edited.returncode == 0, edited.stderr
    assert edited.stdout.count("building") == 1
    assert "pushed in" in edited.stdout
    assert took < SECONDS_FOR_AN_EDIT, edited.stdout
    print(f"edit of spark_apps rebuilt and pushed in {took:.1f} s")


def test_an_unknown_image_is_named() -> None:
    done = build(ROOT, "spork")
    assert done.returncode == 2
    assert "no such image: spork" in done.stderr
    assert "Next: python scripts/images/main.py list" in done.stderr


@pytest.mark.images
def test_a_failing_build_shows_the_end_of_its_log(checkout: Path) -> None:
    with (checkout / "images" / "versitygw" / "Dockerfile").open("a") as file:
        file.write("RUN echo this one fails && exit 9\n")
    done = build(checkout, "versitygw")
    assert done.returncode == 1
    assert "this one fails" in done.stderr
    assert "build/logs/images/versitygw.log" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.images
def test_a_registry_that_is_gone_is_said(checkout: Path) -> None:
    (checkout / "build" / "cluster.env").write_text("REGISTRY=localhost:5000\nREGISTRY_PUSH=127.0.0.1:9\n")
    done = build(checkout, "--push", "spark")
    assert done.returncode == 3
    assert "the registry does not answer" in done.stderr
    assert "Next: make cluster" in done.stderr
