from pathlib import Path

import pytest
from engine import Engine

from sparkyard.errors import YardError

PROGRAM = """#!/bin/sh
echo run >> {folder}/runs
if [ $(wc -l < {folder}/runs) -le {failures} ]; then echo "{words}" >&2; exit 1; fi
echo done
"""


def make_engine(folder: Path, failures: int, words: str) -> Engine:
    program = folder / "engine"
    program.write_text(PROGRAM.format(folder=folder, failures=failures, words=words))
    program.chmod(0o755)
    return Engine(str(program))


@pytest.mark.parametrize("log", [None, "log"])
def test_what_was_not_begun_is_begun_once_more(tmp_path: Path, log: str | None) -> None:
    words = "Close_Fd sealing memfd copy: Device or resource busy"
    assert make_engine(tmp_path, 1, words).run("info", log=tmp_path / log if log else None).stdout == "done\n"
    (tmp_path / "runs").unlink()
    with pytest.raises(YardError, match="sealing memfd copy"):
        make_engine(tmp_path, 2, words).run("info")


def test_any_other_failure_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(YardError, match="no space left"):
        make_engine(tmp_path, 1, "no space left on device").run("info")
