"""`spark` before anybody used it, progress in a cell, and why no executor comes."""

from typing import Any

import pytest
from pyspark.sql import SparkSession

from sparkyard.names import NOTEBOOK_USER_LABEL
from sparkyard.notebook.progress import Stage, State, format_html, format_text
from sparkyard.notebook.session import LazySession, needs_session
from sparkyard.notebook.waiting import explain, list_quotas, parse


class FakeContext:
    _jsc: Any = object()


class FakeSession:
    version = "4"

    def __init__(self) -> None:
        self.sparkContext = FakeContext()


class Counted(LazySession):
    starts = 0

    def _start(self) -> Any:
        self.starts += 1
        return FakeSession()


def test_looking_at_it_starts_nothing() -> None:
    spark = Counted("here")
    assert "not started" in repr(spark)
    assert isinstance(spark, SparkSession)
    assert not hasattr(spark, "_repr_html_")
    assert not hasattr(spark, "_ipython_display_")
    assert spark.starts == 0


def test_the_first_use_starts_it_and_the_next_does_not() -> None:
    spark = Counted("here")
    assert spark.version == spark.version == "4"
    assert spark.starts == 1


def test_after_a_stop_the_next_use_starts_another() -> None:
    spark = Counted("here")
    spark.sparkContext._jsc = None
    assert spark.version == "4"
    assert spark.starts == 2


@pytest.mark.parametrize(
    ("cell", "needs"),
    [
        ("spark", False),
        ("x = 1", False),
        ("%time spark.range(1)", False),
        ("spark = 3", False),
        ("c = F.col('a')\nspark.range(1).select(c)", True),
        ("windows.main([], spark)", True),
        ("def f():\n    return spark.range(1)", True),
    ],
)
def test_a_cell_that_uses_it_finds_a_session(cell: str, needs: bool) -> None:
    assert needs_session(cell) is needs


STATE = State((Stage(3, 8, 5, 2), Stage(4, 1, 0, 0)), 2)


def test_progress_says_stages_tasks_and_executors() -> None:
    assert format_text(STATE) == "stage 3: 5 of 8 tasks, 2 running\nstage 4: 0 of 1 tasks, 0 running\n2 executor(s)"
    assert "<progress value='5' max='8'>" in format_html(STATE)
    assert "&lt;b&gt;" in format_html(STATE, "<b>")


PENDING = {"status": {"phase": "Pending"}}
QUOTA = {"status": {"hard": {"requests.cpu": "1", "pods": "10"}, "used": {"requests.cpu": "950m", "pods": "3"}}}
WHY: dict[str, tuple[list[Any], list[Any], str]] = {
    "quota": ([], [QUOTA], r"the quota is full \(requests.cpu 950m of 1\)"),
    "starting": ([PENDING], [], "their pods are starting"),
    "no room": (
        [{"status": {**PENDING["status"], "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}]}}],
        [QUOTA],
        "no node has room: 0/1 nodes",
    ),
    "image": (
        [{"status": {**PENDING["status"], "containerStatuses": [{"image": "x:1", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}}],
        [],
        r"the image x:1 cannot be had \(ImagePullBackOff\)",
    ),
}


@pytest.mark.parametrize(("pods", "quotas", "words"), WHY.values(), ids=WHY.keys())
def test_why_no_executor_comes(pods: list[Any], quotas: list[Any], words: str) -> None:
    import re

    assert re.search(words, explain(pods, quotas))


def test_another_s_quota_is_no_reason() -> None:
    namespace, anns, bobs = (
        {"metadata": {"labels": labels}} for labels in ({}, {NOTEBOOK_USER_LABEL: "ann"}, {NOTEBOOK_USER_LABEL: "bob"})
    )
    assert list_quotas([namespace, anns, bobs], "ann") == [namespace, anns]


@pytest.mark.parametrize(("text", "number"), [("950m", 0.95), ("2", 2), ("1Ki", 1024), ("3Gi", 3 * 2**30), ("1k", 1000)])
def test_quantities(text: str, number: float) -> None:
    assert parse(text) == pytest.approx(number)
