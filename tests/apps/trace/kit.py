"""What the trace's tests share: jobs by their file (Python has a module `trace` of its own), files to land, and DuckDB on the raw files."""

import gzip
import importlib.util
import random
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
    database.sql(
        f"CREATE TABLE moves AS SELECT *, row_number() OVER (PARTITION BY machine_id ORDER BY {IN_ORDER}) AS nth FROM machine_events"
    )
    database.sql(
        "CREATE TABLE capacities AS SELECT machine_id, arg_max(cpus, nth) FILTER (WHERE cpus IS NOT NULL) AS cpus FROM moves GROUP BY ALL"
    )
    database.sql(GAPS)
    return database


# Of one moment: REMOVE, ADD, UPDATE.
IN_ORDER = "time, CASE event_type WHEN 1 THEN 0 WHEN 0 THEN 1 ELSE 2 END, cpus NULLS FIRST, memory NULLS FIRST"
GAPS = """
    CREATE TABLE gaps AS
    WITH both_ways AS (SELECT * FROM moves WHERE event_type < 2 AND time < 9223372036854775807),
         firsts AS (SELECT *, lag(event_type) OVER (PARTITION BY machine_id ORDER BY nth) AS before FROM both_ways),
         gone AS (SELECT r.machine_id, r.time AS since, arg_min(a.time, a.nth) AS back
                  FROM firsts r LEFT JOIN both_ways a ON a.machine_id = r.machine_id AND a.event_type = 0 AND a.nth > r.nth
                  WHERE r.event_type = 1 AND r.before IS DISTINCT FROM 1 GROUP BY r.machine_id, r.time, r.nth)
    SELECT machine_id, greatest(since, 600000000) AS since, CASE WHEN back IS NOT NULL THEN greatest(back, 600000000) END AS until
    FROM gone"""
LABEL = "coalesce(cpus::VARCHAR, 'unknown')"
BIN = """CASE WHEN cpus IS NULL THEN 'unknown' WHEN cpus <= 0.2 THEN '0.0 to 0.2' WHEN cpus <= 0.4 THEN '0.2 to 0.4'
    WHEN cpus <= 0.6 THEN '0.4 to 0.6' WHEN cpus <= 0.8 THEN '0.6 to 0.8' ELSE '0.8 to 1.0' END"""


class Lake:
    """A landed lake, and the same raw files in DuckDB."""

    def __init__(self, yard: Any, raw: Path) -> None:
        self.yard, self.spark, self.raw = yard, yard.spark, duck(raw)

    def ask(self, app: str, *args: str) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
        """What the job says, and its table, once for all tests."""
        job = load_job(app)
        result = job.main(list(args), self.spark)
        return result, self.yard.rows(job.TABLE)

    def one(self, sql: str) -> tuple[Any, ...]:
        return self.raw.sql(sql).fetchall()[0]

    def check(self, app: str, sql: str, *args: str) -> dict[str, Any]:
        """Cell by cell; gives what the job said."""
        result, rows = self.ask(app, *args)
        expected = sorted(self.raw.sql(sql).fetchall())
        assert len(expected) > 0
        assert rows == approx(expected)
        return result["facts"]


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


def make_wild(seed: int) -> dict[str, list[str]]:
    """Lines with what real ones seldom have: equal times, nulls, times before and after the trace, removals twice, all kinds of events."""
    chance = random.Random(seed)
    after = [2**63 - 1, 2**64 - 1]

    def time() -> int:
        return chance.choice([0, *after] + [chance.randrange(600, 9_000, 75) * 1_000_000 for _ in range(30)])

    def some(*values: Any) -> Any:
        return chance.choice(["", *values])

    machines = [
        line(
            "machine_events",
            time=time(),
            machine_id=i % 9,
            event_type=chance.choice([0, 0, 1, 1, 2]),
            cpus=some(0.25, 0.5, 0.5, 1),
            memory=some(0.2, 0.4, 0.9),
        )
        for i in range(200)
    ]
    jobs = [line("job_events", time=time(), job_id=chance.randrange(12), event_type=0, scheduling_class=some(0, 1, 2)) for _ in range(40)]
    tasks = [
        line(
            "task_events",
            time=time(),
            job_id=chance.randrange(12),
            task_index=chance.randrange(4),
            machine_id=some(*range(11)),
            event_type=chance.choice([0, 1, 1, 1, 2, 2, 3, 4, 5, 6, 7, 8]),
            scheduling_class=some(0, 1, 3),
            priority=some(0, 9, 10),
            cpu_request=some(0.1, 0.125, 0.3),
            memory_request=some(0.05, 0.1, 0.15),
        )
        for _ in range(900)
    ]
    usage = [
        line(
            "task_usage",
            start_time=(start := time()),
            end_time=start,
            job_id=chance.randrange(13),
            task_index=chance.randrange(4),
            machine_id=some(*range(11)),
            cpu_rate=some(chance.random()),
            canonical_memory=some(chance.random()),
            max_cpu_rate=some(chance.random()),
            max_memory=some(chance.random()),
        )
        for _ in range(900)
    ]
    # Machines that stay, one of them without a capacity, and jobs of one task.
    machines += [line("machine_events", time=0, machine_id=20 + i, event_type=0, cpus=["", 0.7][i], memory=0.5) for i in range(2)]
    tasks += [line("task_events", time=time(), job_id=30 + i, task_index=0, machine_id=20, event_type=1 + i % 2) for i in range(6)]
    return {"machine_events": machines, "job_events": jobs, "task_events": tasks, "task_usage": usage}


def approx(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows to compare with: whole numbers and texts exactly, others to 1e-9."""
    import pytest

    return [tuple(pytest.approx(value, rel=1e-9, abs=1e-12) if isinstance(value, float) else value for value in row) for row in rows]
