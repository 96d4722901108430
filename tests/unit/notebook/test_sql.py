"""%%sql: what of the notebook a query takes, and how its rows look; errors in words."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sparkyard.notebook import errors
from sparkyard.notebook.errors import explain
from sparkyard.notebook.sql import find_arguments, register_sql
from sparkyard.notebook.table import Rows, draw, format_html, format_text

QUERY = "SELECT ':no', a::int FROM t -- :neither\nWHERE a > :least AND b = :name"


def test_variables_are_arguments_and_never_text() -> None:
    assert find_arguments(QUERY, {"least": 3, "name": "x' OR 1=1", "no": 1}) == {"least": 3, "name": "x' OR 1=1"}
    with pytest.raises(NameError, match="asks for :name"):
        find_arguments(QUERY, {"least": 3})


class Shell:
    def __init__(self) -> None:
        self.user_ns: dict[str, Any] = {"least": 3}
        self.magics: dict[str, Any] = {}

    def register_magic_function(self, function: Any, kind: str, name: str) -> None:
        self.magics[name] = function

    def push(self, variables: dict[str, Any], interactive: bool) -> None:
        self.user_ns |= variables


class Found:
    columns: tuple[str, ...] = ()

    def limit(self, rows: int) -> "Found":
        return self

    def collect(self) -> list[Any]:
        return []


class Spark:
    def sql(self, query: str, args: dict[str, Any]) -> Found:
        self.asked = query, args
        return Found()


def test_the_frame_may_have_a_name() -> None:
    shell, spark = Shell(), Spark()
    register_sql(shell, spark)
    shell.magics["sql"]("busy", "SELECT :least")
    assert spark.asked == ("SELECT :least", {"least": 3})
    assert isinstance(shell.user_ns["busy"], Found)
    with pytest.raises(ValueError, match="the query stands below"):
        shell.magics["sql"]("SELECT 1", "FROM x")


TABLE = Rows(("hour", "n", "mean", "what"), [(0, 3, 1.5, "a<b"), (1, None, Decimal("2.5"), None), (2, 5, 3.5, "c")])


def test_text_is_aligned() -> None:
    lines = format_text(TABLE).splitlines()
    assert lines[0] == "hour  n     mean  what"
    assert lines[-1] == "3 row(s)"
    assert format_text(Rows(("a",), [(1,)] * 3, more=True)).endswith("the first 3 rows of more")


def test_html_sorts_and_escapes() -> None:
    html = format_html(TABLE)
    assert "a&lt;b" in html
    assert html.count("onclick=") == 4
    assert '<td data-v="" style="text-align:left"></td>' in html


def test_numeric_columns_are_drawn_over_the_first() -> None:
    assert draw(TABLE).count("<polyline") == 3, "n is broken where it is missing, mean is whole, what is no number"
    assert draw(Rows(("a", "b"), [("x", "y"), ("z", "w")])) == ""
    assert draw(Rows(("a", "b"), [("x", 1)])) == ""


def raised(text: str) -> Exception:
    kind = type("Py4JJavaError", (Exception,), {"__module__": "py4j.protocol"})
    return kind(text)  # type: ignore[no-any-return]


ERRORS = {
    "an executor's memory": ("Job aborted … ExecutorLostFailure: The executor exited with exit code 137", "an executor ran out of memory"),
    "the driver's memory": ("java.lang.OutOfMemoryError: Java heap space", "this notebook, ran out of memory"),
    "a share": ("java.io.IOException: Transport endpoint is not connected", "the share does not answer"),
    "quota": ("pods is forbidden: exceeded quota: notebooks, requested: pods=1\n at x", "quota is full (notebooks, requested: pods=1)"),
    "a path": ("[PATH_NOT_FOUND] Path does not exist: file:/shares/x. SQLSTATE: 42K03", "Path does not exist: file:/shares/x"),
    "no right": ("software.amazon.awssdk…S3Exception: Access Denied (403)", "may read the lake and not write it"),
    "a Python worker": (
        "Job aborted: PythonException:\nTraceback\nZeroDivisionError: division by zero\n\n\tat org.x",
        "ZeroDivisionError: division by",
    ),
    "anything else": ("An error occurred while calling o1.x\n: java.lang.A: b\n\tat c\nCaused by: D: e\n\tat f", "java.lang.A: b ← D: e"),
}


@pytest.mark.parametrize(("text", "words"), ERRORS.values(), ids=ERRORS.keys())
def test_an_error_in_words(text: str, words: str) -> None:
    told = explain(raised(text))
    assert told is not None
    assert words in told
    assert "\tat " not in told


def test_a_lost_share_is_named_by_the_agent_s_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "SHARES", tmp_path)
    (tmp_path / "risk").mkdir()
    denied = PermissionError(13, "Permission denied", f"{tmp_path}/risk/files/a.csv")
    spark = raised(f"Job aborted … Caused by: java.io.FileNotFoundException: {tmp_path}/risk/files/a.csv (Permission denied)")
    assert explain(denied) is None, "nobody says that the share is gone"
    state = {"state": "lost", "message": "share risk (//files01/Risk): refused"}
    (tmp_path / "risk/state.json").write_text(json.dumps(state))
    for error in (denied, spark):
        assert explain(error) == "share risk (//files01/Risk): refused. `sparkyard share test risk`"
    (tmp_path / "risk/state.json").write_text(json.dumps({**state, "state": "mounted"}))
    assert explain(denied) is None


def test_python_s_own_errors_stay_as_they_are() -> None:
    assert explain(NameError("name 'x' is not defined")) is None
