"""The three sides of `make bench-jobs` agree on every question, here in one process."""

import importlib
from typing import Any

import pytest
from apps.trace import kit
from rotation import rotating

pytestmark = pytest.mark.java
BENCH = kit.ROOT / "scripts" / "bench"
APPS = {path.stem.partition("_")[0]: path.stem for path in (kit.APPS / "trace").glob("q*.py")}


@pytest.mark.parametrize("name", rotating(sorted(APPS)))
def test_the_sides_agree(lakes: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    ours, usual, duck, jobs = (importlib.import_module(module) for module in ("ours", "usual", "duck", "jobs"))
    lake = lakes("made")
    result, _ = lake.ask(APPS[name])
    told = {
        "ours": ours.read_answer(lake.spark, name, kit.load_job(APPS[name]).TABLE, result["facts"]),
        "usual": usual.answer(lake.spark, name, str(lake.yard.raw)),
        "duckdb": duck.answer(duck.connect(str(lake.yard.raw)), name),
    }
    jobs.compare(name, told)
