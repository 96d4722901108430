import json
from typing import Any

import pytest

from hello import hello

pytestmark = pytest.mark.java


def test_two_rows_and_three_columns(spark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    result = hello.main([], spark)
    assert result["highlights"] == [["id", "greeting", "square"], [1, "hello 1", 1], [2, "hello 2", 4]]
    last = capsys.readouterr().out.splitlines()[-1]
    assert json.loads(last.removeprefix("RESULT ")) == result
    assert result["status"] == "ok"
    assert result["checks"] == {"2 rows and 3 columns": True}
