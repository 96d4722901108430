import re
import sys

import pytest
import typer
from typer.testing import CliRunner

from sparkyard import cli
from sparkyard.cli import commands  # noqa: F401  (registers every verb)
from sparkyard.errors import InputError

VERBS = sorted(typer.main.get_command(cli.app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_how_it_is_typed(verb: str) -> None:
    shown = CliRunner().invoke(cli.app, [verb, "--help"])
    assert shown.exit_code == 0
    assert re.search(rf"^\s+sparkyard {verb}\b", shown.output, re.MULTILINE)


def fail(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (InputError("no such file", where="a.csv", next_command="ls"), 5, "sparkyard: a.csv: no such file\nNext: ls\n"),
        (KeyError("x"), 1, "sparkyard: a mistake of ours, not of yours: KeyError: 'x'\nNext: sparkyard -v table\n"),
    ],
)
def test_no_failure_is_a_traceback(
    error: Exception, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "app", lambda: fail(error))
    monkeypatch.setattr(sys, "argv", ["sparkyard", "table"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code
    assert capsys.readouterr().err == said
    monkeypatch.setitem(cli.shown, "tracebacks", True)
    with pytest.raises(type(error)):
        cli.main()
