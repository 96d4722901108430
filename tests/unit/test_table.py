"""What `sparkyard table` and `sparkyard sql` print for programs can be read by them."""

import json
import math
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from sparkyard.cli.table import Format, print_rows


def test_json_is_json_whatever_the_numbers_are(capsys: pytest.CaptureFixture[str]) -> None:
    when = datetime(2026, 1, 2, tzinfo=UTC)
    rows = {"n": [1.5, math.nan], "many": [[math.inf], [-math.inf, 2.0]], "named": [{"a": math.nan}, {"a": 1.0}], "at": [when, None]}
    print_rows(pa.table(rows), Format.json)

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    assert json.loads(capsys.readouterr().out, parse_constant=refuse) == [
        {"n": 1.5, "many": [None], "named": {"a": None}, "at": "2026-01-02T00:00:00Z"},
        {"n": None, "many": [None, 2.0], "named": {"a": 1.0}, "at": None},
    ]
