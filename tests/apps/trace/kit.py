"""What the trace's tests share: jobs by their file (Python has a module `trace` of its own), files to land, and DuckDB on the raw files."""

import gzip
import importlib.util
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
APPS = ROOT / "spark_apps"
NAMES = {
    "machine_events": "time machine_id event_type platform_id cpus memory",
    "job_events": "time missing_info job_id event_type user scheduling_class job_name logical_job_name",
    "task_events": (
        "time missing_info job_id task_index machine_id event_type user scheduling_class priority "
        "cpu_request memory_request disk_request different_machines"
    ),
    "task_usage": (
        "start_time end_time job_id task_index machine_id cpu_rate canonical_memory assigned_memory unmapped_page_cache total_page_cache "
        "max_memory disk_io_time local_disk_space max_cpu_rate max_disk_io_time cpi mai sample_portion aggregation_type sampled_cpu"
    ),
}
TEXTS = {"user", "job_name", "logical_job_name", "platform_id"}


@cache
def load_job(app: str) -> ModuleType:
    if str(APPS) not in sys.path:
        sys.path.insert(0, str(APPS))
    spec = importlib.util.spec_from_file_location(f"trace_{app}", APPS / "trace" / f"{app}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def put(yard: Any, folder: str, name: str, lines: Iterable[str]) -> Path:
    file = yard.raw / folder / f"{name}.csv.gz"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
    return file


def land(yard: Any, *more: str) -> dict[str, Any]:
    return load_job("land").main(["--input", yard.uri, *more], yard.spark)


def snapshots(yard: Any, *tables: str) -> list[int]:
    """The snapshots of these tables, published or not; of all where none is named."""
    spaces = [f"yard.{row.namespace}" for row in yard.spark.sql("SHOW NAMESPACES IN yard").collect()]
    found = [f"{space}.{row.tableName}" for space in spaces for row in yard.spark.sql(f"SHOW TABLES IN {space}").collect()]
    return sorted(row.snapshot_id for table in tables or found for row in yard.spark.table(f"{table}.snapshots").collect())


def line(folder: str, **fields: Any) -> str:
    """A line of a folder's files with these fields, all others empty."""
    return ",".join(str(fields.get(name, "")) for name in NAMES[folder].split())


def duck(raw: Path) -> Any:
    """DuckDB with a view on each folder of raw files, typed from their text, times beyond the trace as 2^63-1."""
    import duckdb

    database = duckdb.connect(config={"threads": 1})
    for folder, names in NAMES.items():
        if not list((raw / folder).glob("*.gz")):
            continue
        columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names.split())
        typed = ", ".join(f"{_typed(name)} AS {name}" for name in names.split())
        read = f"read_csv('{raw}/{folder}/*.gz', header=false, quote='', escape='', columns={{{columns}}})"
        database.sql(f"CREATE TABLE {folder} AS SELECT {typed} FROM {read}")
    return database


def _typed(name: str) -> str:
    if name in TEXTS:
        return f'"{name}"'
    if name.endswith("time") and name != "disk_io_time" and name != "max_disk_io_time":
        return f"least({name}::HUGEINT, 9223372036854775807)::BIGINT"
    if name in ("different_machines", "aggregation_type"):
        return f"{name} = '1'"
    if name.endswith(("_id", "_index", "_type", "_info", "_class")) or name == "priority":
        return f"{name}::BIGINT"
    return f"{name}::DOUBLE"


def approx(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows to compare with: whole numbers and texts exactly, others to 1e-9."""
    import pytest

    return [tuple(pytest.approx(value, rel=1e-9, abs=1e-12) if isinstance(value, float) else value for value in row) for row in rows]
