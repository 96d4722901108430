"""Every manifest that must not run is refused or fails, for the reason that stands in it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from sparkyard.kube.applications import get_driver
from sparkyard.kube.explain import explain_failure
from sparkyard.project import ROOT
from sparkyard.summary import parse_summary

pytestmark = pytest.mark.cluster
EXPECT = re.compile(r"^# expect: (?P<doors>[^:]+): (?P<words>.+)$", re.MULTILINE)


def find_cases(door: str) -> list[Any]:
    """(file, words) of each manifest that says it meets this door."""
    return [
        pytest.param(path, match["words"], id=path.stem)
        for path in sorted((ROOT / "manifests/invalid").glob("*.yaml"))
        for match in EXPECT.finditer(path.read_text())
        if door in re.split(r",\s*", match["doors"])
    ]


@pytest.mark.parametrize(("path", "words"), find_cases("admission"))
def test_admission_refuses_it_with_the_words_of_the_check(yard: Any, path: Path, words: str) -> None:
    done = yard.kubectl("apply", "-f", str(path), check=False)
    assert done.returncode != 0, f"{path.name} was let in"
    assert words in done.stderr


@pytest.mark.fault
@pytest.mark.parametrize(("path", "words"), find_cases("fails"))
def test_it_is_let_in_and_fails_for_its_reason(yard: Any, path: Path, words: str) -> None:
    app = yard.wait_for_end(yard.apply(path))
    assert app["status"]["applicationState"]["state"] == "FAILED"
    driver = get_driver(yard.kube, app)
    ended = driver["status"]["containerStatuses"][0]["state"]["terminated"] if driver else {}
    error = explain_failure(app, driver, parse_summary(ended.get("message", "")))
    assert words in f"{error.what}\n{ended.get('message', '')}"
    yard.delete(yaml.safe_load(path.read_text())["metadata"]["name"])


def test_each_says_what_becomes_of_it() -> None:
    for path in (ROOT / "manifests/invalid").glob("*.yaml"):
        assert EXPECT.search(path.read_text()), f"{path.name}: # expect: <check|admission|fails>: <words>"
        assert "# <-" in path.read_text(), f"{path.name}: a comment stands on the guilty line"
