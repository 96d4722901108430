"""Package lists are fetched only where those that are there do not do; what went wrong is said. By an apt-get of our own."""

import os
import sys
from pathlib import Path

import pytest

from sparkyard.project import ROOT

sys.path.append(str(ROOT / "scripts" / "setup"))
import aptget

APT = """#!/bin/sh
echo "$2" >> {folder}/calls
case "$2" in
update) [ {fetches} = yes ] && : > {folder}/lists; [ {updates} = yes ] || {{ echo "E: no network" >&2; exit 100; }} ;;
*) [ -e {folder}/lists ] || {{ echo "E: Unable to locate package" >&2; exit 100; }} ;;
esac
"""
INSTALLS, AGAIN = ["install"], ["install", "update", "install"]


@pytest.mark.parametrize(
    ("there", "fetches", "updates", "calls", "said"),
    [
        ("yes", "no", "no", INSTALLS, ""),
        ("no", "yes", "yes", AGAIN, ""),
        ("no", "yes", "no", AGAIN, ""),  # one of its sources does not answer, and nothing of it is wanted
        ("no", "no", "no", AGAIN, "apt-get update failed: E: no network"),
        ("no", "no", "yes", AGAIN, "apt-get install failed: E: Unable to locate package"),
    ],
)
def test_lists_are_fetched_where_they_are_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: str, fetches: str, updates: str, calls: list[str], said: str
) -> None:
    (tmp_path / "apt-get").write_text(APT.format(folder=tmp_path, fetches=fetches, updates=updates))
    (tmp_path / "apt-get").chmod(0o755)
    if there == "yes":
        (tmp_path / "lists").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    done = aptget.install("x")
    assert (tmp_path / "calls").read_text().split() == calls
    assert (aptget.explain(done) if done.returncode else "") == said
    assert aptget.can_install() == (os.geteuid() == 0)
