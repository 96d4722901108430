"""The cache of Go programs: one build for all who ask at once, another when a module is edited."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sparkyard.project import ROOT

pytestmark = pytest.mark.skipif(shutil.which("go") is None, reason="no Go on PATH")


class Copy:
    """The smallest program's module and the build script, with a cache of their own."""

    def __init__(self, folder: Path) -> None:
        self.tools = folder / "scripts" / "gotools"
        self.tools.mkdir(parents=True)
        (folder / "images").mkdir()
        shutil.copy(ROOT / "images" / "versions.env", folder / "images")
        shutil.copy(ROOT / "scripts" / "gotools" / "build.py", self.tools)
        shutil.copytree(ROOT / "scripts" / "gotools" / "pause", self.tools / "pause")
        self.environment = {**os.environ, "SPARKYARD_CACHE": str(folder / "cache")}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(self.tools / "build.py"), *arguments]
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=300)
        return process.returncode, out, err


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_who_asks_at_once_waits_for_one_build(copy: Copy) -> None:
    askers = [copy.start("--path", "pause") for _ in range(3)]
    answers = [asker.communicate(timeout=300) for asker in askers]
    assert [asker.returncode for asker in askers] == [0, 0, 0]
    assert len({out for out, _ in answers}) == 1
    assert sum("built pause" in err for _, err in answers) == 1


def test_an_edit_makes_it_unbuilt(copy: Copy) -> None:
    assert copy.run("--is-built", "pause")[0] == 1
    assert copy.run("pause")[0] == 0
    assert copy.run("--is-built", "pause")[0] == 0
    source = copy.tools / "pause" / "main.go"
    source.write_text(source.read_text() + "\nvar edited = true\n")
    assert copy.run("--is-built", "pause")[0] == 1


def test_a_failed_build_says_why_and_where(copy: Copy) -> None:
    (copy.tools / "pause" / "main.go").write_text("package main\nfunc main() { nonsense }\n")
    code, _, err = copy.run("pause")
    assert code == 1
    assert "undefined: nonsense" in err
    assert "pause-" in err
    assert copy.run("--is-built", "pause")[0] == 1


def test_an_unknown_program_is_refused_by_name(copy: Copy) -> None:
    code, _, err = copy.run("nosuch")
    assert code == 2
    assert "nosuch" in err
