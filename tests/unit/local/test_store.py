from datetime import UTC, datetime
from pathlib import Path

import pytest

from sparkyard.errors import UsageError
from sparkyard.local.store import load_record, load_records, make_run_id, save_record
from sparkyard.summary import RunRecord


def save(home: Path, run_id: str, **fields: object) -> RunRecord:
    record = RunRecord(run_id, "m.yaml", "job", "local", **fields)  # type: ignore[arg-type]
    save_record(home, record)
    return record


def test_ids_sort_by_time_and_are_unlike() -> None:
    early, late = make_run_id("b", datetime(2026, 1, 2, tzinfo=UTC)), make_run_id("a", datetime(2026, 1, 3, tzinfo=UTC))
    assert early < late
    assert len({make_run_id("a", datetime(2026, 1, 2, tzinfo=UTC)) for _ in range(20)}) > 15


def test_runs_are_found_by_id_by_part_and_as_last(tmp_path: Path) -> None:
    first, second = save(tmp_path, "2026-a", state="succeeded"), save(tmp_path, "2026-b", state="failed")
    assert load_records(tmp_path) == [second, first]
    assert load_record(tmp_path, "last") == second
    assert load_record(tmp_path, "6-a") == first
    with pytest.raises(UsageError, match="2026: fits 2 runs; known: 2026-b, 2026-a"):
        load_record(tmp_path, "2026")
    with pytest.raises(UsageError, match="no such run"):
        load_record(tmp_path, "x")


def test_a_run_whose_process_is_gone_is_lost(tmp_path: Path) -> None:
    save(tmp_path, "a", pid=2**22 + 1)
    assert load_record(tmp_path, "a").state == "lost"
