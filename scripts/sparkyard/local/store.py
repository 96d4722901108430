"""Past runs: one folder a run under <home>/runs, with its record, log and plot."""

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

from sparkyard.errors import UsageError
from sparkyard.summary import RunRecord, parse_record

RECORD = "record.json"


def make_run_id(job: str, now: datetime | None = None) -> str:
    """Sorts by time, says the job, and is unlike any other."""
    return f"{(now or datetime.now(UTC)):%Y%m%d-%H%M%S}-{job}-{secrets.token_hex(2)}"


def run_dir(home: Path, run_id: str) -> Path:
    return home / "runs" / run_id


def save_record(home: Path, record: RunRecord) -> None:
    """Whole or not at all: whoever reads at the same time sees the record before or after."""
    folder = run_dir(home, record.run_id)
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{RECORD}.{os.getpid()}"
    draft.write_text(record.to_json())
    draft.replace(folder / RECORD)


def load_records(home: Path) -> list[RunRecord]:
    """All runs, the latest first."""
    files = sorted((home / "runs").glob(f"*/{RECORD}"), reverse=True)
    return [_mark_lost(parse_record(file.read_text())) for file in files]


def load_record(home: Path, run: str) -> RunRecord:
    """By id, by an unmistakable part of it, or `last`."""
    records = load_records(home)
    found = records[:1] if run == "last" else [record for record in records if record.run_id == run]
    found = found or [record for record in records if run in record.run_id]
    if len(found) == 1:
        return found[0]
    said = f"fits {len(found)} runs" if found else "no such run"
    known = ", ".join(record.run_id for record in (found or records)[:5]) or "none yet"
    raise UsageError(f"{said}; known: {known}", where=run, next_command=f"sparkyard runs --home {home}")


def _mark_lost(record: RunRecord) -> RunRecord:
    """A run whose process is gone without a word was killed."""
    if record.state == "running" and record.pid and not Path(f"/proc/{record.pid}").exists() and Path("/proc/self").exists():
        record.state = "lost"
    return record
