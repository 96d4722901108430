"""`make bench-order` in small."""

from typing import Any

import pytest

from sparkyard.project import ROOT


@pytest.mark.java
def test_both_tables_are_tended_and_asked(yard: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts/bench"))
    import order

    order.measure(yard.spark, rows=2_000, target=128, rounds=1)
    told = capsys.readouterr().out
    assert [line.split()[0] for line in told.splitlines()] == ["plain", "ordered", "one"]
    assert told.count(": 1 files, ") == 2
    assert "of 300: " in told
    assert len(order.ask(yard.spark, order.TABLES["ordered"])) > 0
