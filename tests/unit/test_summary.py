import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkyard.errors import InputError, JobFailed, OutOfMemory, UsageError
from sparkyard.summary import (
    RunRecord,
    add_result,
    cause_to_dict,
    comparable,
    error_from_cause,
    find_cause,
    parse_record,
    parse_result,
    parse_summary,
)

RESULT = {
    "job": "x",
    "run_id": "r1",
    "status": "ok",
    "rows": {"read": 3, "rejected": 1, "written": 2},
    "tables": ["yard.a"],
    "phases": {"read": 1.0},
}


def test_the_last_whole_result_line_counts() -> None:
    lines = ["RESULT {}", "chatter", f"RESULT {json.dumps(RESULT)}", 'RESULT {"cut', "RESULT 7"]
    assert parse_result(lines) == RESULT
    assert parse_result(["no result"]) is None


@given(st.text())
def test_no_termination_message_is_an_error(text: str) -> None:
    assert parse_summary(text) is None or isinstance(parse_summary(text), dict)


def test_comparable_leaves_out_what_differs_between_runs() -> None:
    other = RESULT | {"run_id": "r2", "phases": {"read": 9.0}}
    assert comparable(RESULT) == comparable(other)
    assert comparable(RESULT) != comparable(other | {"rows": {"read": 4}})


def test_a_record_survives_being_written() -> None:
    record = RunRecord("r1", "m.yaml", "x", "local")
    add_result(record, RESULT)
    assert parse_record(record.to_json()) == record
    assert record.rows == {"read": 3, "rejected": 1, "written": 2}
    assert record.tables == ["yard.a"]
    assert {"run_id", "manifest", "state", "times", "tables", "rows", "cause"} <= record.to_dict().keys()


TRACEBACK = [
    "Traceback (most recent call last):",
    '  File "a.py", line 1',
    "pyspark.errors.AnalysisException: [X] no column",
    "26/11/21 INFO stop",
]
NOT_FOUND = {"type": "AnalysisException", "message": "[PATH_NOT_FOUND] Path does not exist: s3a://raw/x. SQLSTATE: 42K03"}
UNREADABLE = "Aborted: [FAILED_READ_FILE.NO_HINT] Encountered error while reading file s3a://raw/a.gz. SQLSTATE: KD001 ← x"
JAVA = ["py4j.protocol.Py4JJavaError: An error occurred while calling o1.x.", ": org.apache.Foo$BarException: it broke", "\tat a.b.C"]


@pytest.mark.parametrize(
    ("code", "error", "log", "kind", "words"),
    [
        (1, {"type": "InputError", "message": "a: none"}, [], InputError, "a: none"),
        (1, {"type": "UsageError", "message": "--top"}, [], UsageError, "--top"),
        (1, {"type": "Py4JJavaError", "message": UNREADABLE}, [], InputError, "Encountered error while reading file s3a://raw/a.gz."),
        (1, {"type": "KeyError", "message": "'x'"}, [], JobFailed, "KeyError: 'x'"),
        (1, NOT_FOUND, [], InputError, "Path does not exist: s3a://raw/x."),
        (1, None, TRACEBACK, JobFailed, "AnalysisException: [X] no column"),
        (1, None, JAVA, JobFailed, "Foo$BarException: it broke"),
        (1, None, ["MemoryError"], OutOfMemory, "out of memory"),
        (1, {"type": "Py4JNetworkError", "message": "gone"}, ["java.lang.OutOfMemoryError: Java heap space"], OutOfMemory, "out of memory"),
        (137, None, [], OutOfMemory, "out of memory"),
        (4, None, ["nothing"], JobFailed, "exit code 4"),
    ],
)  # fmt: skip
def test_every_failure_has_its_kind_and_its_words(code: int, error: dict[str, str] | None, log: list[str], kind: type, words: str) -> None:
    cause = find_cause(code, {"status": "failed", "error": error} if error else None, log)
    assert type(cause) is kind
    assert words in cause.what
    again = error_from_cause(cause_to_dict(cause), where="x")
    assert (type(again), again.exit_code) == (kind, cause.exit_code)


def test_success_has_no_cause_but_a_failed_result_has() -> None:
    assert find_cause(0, RESULT, ["java.lang.OutOfMemoryError in a task that was tried again"]) is None
    assert find_cause(0, None, []) is None
    assert find_cause(0, RESULT | {"status": "failed"}, []) is not None
