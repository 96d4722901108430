"""Every manifest in manifests/invalid is refused for its stated reason, on the line that its comment marks."""

import re
from pathlib import Path

import pytest

from sparkyard.check import Finding, check_text
from sparkyard.project import ROOT, load_versions
from sparkyard.settings import PlatformSettings

INVALID = sorted((ROOT / "manifests" / "invalid").glob("*.yaml"))
SETTINGS = PlatformSettings(spark_version=load_versions()["SPARK_VERSION"])
APPS = frozenset(str(file.relative_to(ROOT / "spark_apps")) for file in (ROOT / "spark_apps").rglob("*.py"))


def expectations(file: Path) -> dict[str, str]:
    """How it ends (check, admission, fails) and words of the reason, from the head of the file."""
    found = re.findall(r"^# expect: ([a-z, ]+): (.+)$", file.read_text(), re.MULTILINE)
    return {how.strip(): words for hows, words in found for how in hows.split(",")}


def check(file: Path) -> list[Finding]:
    return check_text(file.read_text(), str(file), SETTINGS, APPS)


def marked_line(file: Path) -> int:
    return next(number for number, line in enumerate(file.read_text().splitlines(), 1) if "# <- " in line)


def test_there_are_enough() -> None:
    assert len(INVALID) >= 10


@pytest.mark.parametrize("file", INVALID, ids=lambda file: file.stem)
def test_says_how_it_ends(file: Path) -> None:
    expected = expectations(file)
    assert expected
    assert set(expected) <= {"check", "admission", "fails"}


@pytest.mark.parametrize("file", [file for file in INVALID if "check" in expectations(file)], ids=lambda file: file.stem)
def test_check_refuses_it_for_its_reason_on_its_line(file: Path) -> None:
    errors = [finding for finding in check(file) if finding.severity == "error"]
    assert all(finding.line == marked_line(file) for finding in errors), errors
    assert expectations(file)["check"] in str(errors[0])
    assert "Fix: " in str(errors[0])


@pytest.mark.parametrize("file", [file for file in INVALID if "check" not in expectations(file)], ids=lambda file: file.stem)
def test_what_only_fails_when_run_passes_the_check(file: Path) -> None:
    assert check(file) == []
