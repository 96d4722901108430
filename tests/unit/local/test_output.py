"""What Spark says, sorted into progress, people's words and log."""

import io

from sparkyard.local.process import _Output


class Heard:
    def __init__(self) -> None:
        self.steps: list[str] = []
        self.stages: list[tuple[int, int, int]] = []
        self.lines: list[str] = []

    def step(self, name: str) -> None:
        self.steps.append(name)

    def stage(self, number: int, done: int, total: int) -> None:
        self.stages.append((number, done, total))

    def output(self, line: str) -> None:
        self.lines.append(line)


def test_stdout_is_for_people_until_the_end() -> None:
    heard, log = Heard(), io.BytesIO()
    output = _Output(log, heard, 0.0)
    said = b'STEP read\nhello\nRESULT {"a":1}\nInputError: said already\n'
    output.follow_stdout(io.BytesIO(said))
    assert (heard.steps, heard.lines, output.result) == (["read"], ["hello"], ['RESULT {"a":1}'])
    assert log.getvalue() == said


def test_a_traceback_is_for_the_log() -> None:
    heard, log = Heard(), io.BytesIO()
    _Output(log, heard, 0.0).follow_stdout(io.BytesIO(b"hello\nTraceback (most recent call last):\n  File x\nKeyError: 1\n"))
    assert heard.lines == ["hello"]
    assert b"KeyError" in log.getvalue()


def test_progress_is_told_and_not_logged() -> None:
    heard, log = Heard(), io.BytesIO()
    said = b"one\n\r[Stage 0:=====>      (1 + 2) / 4]\r[Stage 1:>  (0 + 1) / 2][Stage 2:>  (0 + 0) / 9]two\n\r            \r"
    _Output(log, heard, 0.0).follow_stderr(io.BufferedReader(io.BytesIO(said)))  # type: ignore[arg-type]
    assert heard.stages == [(0, 1, 4), (1, 0, 2), (2, 0, 9)]
    assert log.getvalue() == b"one\ntwo\n"
