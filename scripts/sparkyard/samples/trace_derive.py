"""What the generator knows of the real trace: `python -m sparkyard.samples.trace_derive DATA` writes trace_facts.json.

Google cluster trace 2011 v2, © Google, CC-BY 4.0. What is kept are statistics: how many jobs, tasks and machines are of a kind, and
quantiles. Nothing of a user, a name or an identifier is kept, sizes are rounded to two digits, and a request is named where at least 20
tasks of a kind made it.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

FACTS = Path(__file__).with_name("trace_facts.json")
TABLES = {
    "job_events": "time BIGINT, missing BIGINT, job BIGINT, event BIGINT, user VARCHAR, class BIGINT, name VARCHAR, logical VARCHAR",
    "task_events": "time BIGINT, missing BIGINT, job BIGINT, task BIGINT, machine BIGINT, event BIGINT, user VARCHAR, class BIGINT, "
    "priority BIGINT, cpu DOUBLE, memory DOUBLE, disk DOUBLE, apart BOOLEAN",
    "machine_events": "time BIGINT, machine BIGINT, event BIGINT, platform VARCHAR, cpu DOUBLE, memory DOUBLE",
}
LOOPING = 12  # events; a longer life is one of a task that was tried again and again
KNOTS = sorted([*(i / 64 for i in range(65)), 0.002, 0.005, 0.99, 0.995, 0.998, 0.9995])  # closer at the ends, which are long
FEW = 20  # tasks
# `before` says that a job was there before the trace began; `lot`, that a task is its job's only one (0), one of several (1), or tried
# again and again (2).
VIEWS = f"""
CREATE TABLE lives AS SELECT job, task, string_agg(event::VARCHAR, '' ORDER BY row) AS life FROM task_events GROUP BY ALL;
CREATE TABLE job_lives AS SELECT job, string_agg(event::VARCHAR, '' ORDER BY row) AS outcome, min(time) = 0 AS before
    FROM job_events GROUP BY ALL;
CREATE TABLE sizes AS SELECT job, count(*) AS tasks FROM lives GROUP BY ALL;
CREATE TABLE tasks AS SELECT job, task, any_value(class) AS class, any_value(priority) AS priority, any_value(before) AS before,
    any_value(outcome) AS outcome, any_value(life) AS life, arg_min(cpu, row) AS cpu, arg_min(memory, row) AS memory,
    arg_min(disk, row) AS disk, arg_min(apart, row) AS apart, any_value(tasks) AS size
    FROM task_events JOIN lives USING (job, task) JOIN job_lives USING (job) JOIN sizes USING (job) GROUP BY ALL;
CREATE TABLE gaps AS SELECT time = 0 AS before, CASE WHEN length(life) > {LOOPING} THEN 2 ELSE (tasks > 1)::INT END AS lot, outcome,
    event AS was, lead(event) OVER steps AS event, (lead(time) OVER steps - time) / 1e6 AS seconds
    FROM task_events JOIN lives USING (job, task) JOIN job_lives USING (job) JOIN sizes USING (job)
    WINDOW steps AS (PARTITION BY job, task ORDER BY row);
CREATE TABLE machines AS SELECT machine, arg_max(cpu, row) AS cpu, arg_max(memory, row) AS memory, min(time) > 0 AS late,
    arg_max(event, row) = 1 AS gone, count(*) FILTER (event = 1) AS removes, count(*) FILTER (event = 2) AS updates
    FROM machine_events GROUP BY ALL;
CREATE TABLE away AS SELECT * FROM (SELECT machine, event, lead(event) OVER steps AS next, (lead(time) OVER steps - time) / 1e6 AS seconds
    FROM machine_events WINDOW steps AS (PARTITION BY machine ORDER BY row)) JOIN machines USING (machine) WHERE event = 1 AND next = 0;
"""
LOTS = {"requests_of_one": "size = 1", "requests_of_many": "size > 1"}
KIND = "before, class, priority, outcome"
QUERIES = {
    "sizes": f"""SELECT {KIND}, CASE WHEN size < 10 THEN size ELSE round(size, 1 - floor(log10(size))::INT)::BIGINT END AS size,
        count(*) AS jobs FROM (SELECT {KIND}, job, count(*) AS size FROM tasks GROUP BY ALL) GROUP BY ALL""",
    "lives": f"SELECT {KIND}, life, count(*) AS tasks FROM tasks GROUP BY ALL",
    **{
        name: f"""SELECT {KIND}, cpu, memory, median(disk), coalesce(apart, false)::INT AS apart, count(*) AS tasks FROM tasks
        WHERE cpu IS NOT NULL AND {condition} GROUP BY ALL HAVING tasks >= {FEW}"""
        for name, condition in LOTS.items()
    },
}


# Where few are alike, all those few go together (~); and all there are, for what shard 0 has not (*).
CELL = "PARTITION BY before, lot, outcome, was, event"
GAPS = f"""WITH steps AS (SELECT *, count(*) OVER ({CELL}) < {FEW} AS few FROM gaps WHERE event IS NOT NULL)
    SELECT concat_ws(' ', before::INT, lot, outcome, was, event), quantile_cont(seconds, {KNOTS}) FROM steps WHERE NOT few
    GROUP BY ALL UNION ALL
    SELECT concat_ws(' ', before::INT, '~', was, event), quantile_cont(seconds, {KNOTS}) FROM steps WHERE few GROUP BY ALL UNION ALL
    SELECT concat_ws(' ', before::INT, '*', was, event), quantile_cont(seconds, {KNOTS}) FROM steps GROUP BY ALL ORDER BY ALL"""


def derive(data: Path) -> dict[str, Any]:
    base = load_tables(data)
    base.execute(VIEWS)
    kinds: dict[str, dict[str, Any]] = {}
    for name, query in QUERIES.items():
        for row in base.execute(f"{query} ORDER BY ALL").fetchall():
            kinds.setdefault(format_kind(*row[:4]), {}).setdefault(name, []).append(list(row[4:]))
    for facts in kinds.values():
        facts["lives"] = merge_lives(facts["lives"])
    return {"citation": "Google cluster trace 2011 v2, © Google, CC-BY 4.0", "knots": KNOTS, "kinds": kinds, **get_pooled(base)}


def load_tables(data: Path) -> Any:
    import duckdb

    base = duckdb.connect()
    for name, columns in TABLES.items():
        typed = ", ".join("'{}': '{}'".format(*column.split()) for column in columns.split(", "))
        base.execute(
            f"CREATE TABLE {name} AS SELECT *, row_number() OVER () AS row FROM read_csv('{data}/{name}/*.gz', columns = {{{typed}}})"
        )
    return base


def format_kind(before: bool, scheduling_class: int, priority: int, outcome: str) -> str:
    return f"{int(before)} {scheduling_class} {priority} {outcome}"


def merge_lives(rows: list[tuple[str, int]]) -> list[tuple[str, int]]:
    lives: Counter[str] = Counter()
    for life, tasks in rows:
        lives[shorten(life)] += tasks
    return list(lives.items())


def shorten(life: str) -> str:
    """What was tried hundreds of times, as `015*180 01`: three events, repeated, and the rest."""
    for times in range(len(life) // 3, 1, -1):
        if len(life) > LOOPING and life.startswith(life[:3] * times):
            return f"{life[:3]}*{float(f'{times:.2g}'):.0f} {life[3 * times :]}"
    return life


def get_pooled(base: Any) -> dict[str, Any]:
    gaps = base.execute(GAPS).fetchall()
    return {
        "gaps": {name: round_all(knots) for name, knots in gaps},
        "rare": {name: get_rare(base, condition) for name, condition in LOTS.items()},
        "looping": base.execute(
            f"SELECT cpu, memory, disk FROM tasks WHERE length(life) > {LOOPING} GROUP BY ALL HAVING count(*) >= {FEW}"
        ).fetchone(),
        "machines": get_machines(base),
    }


def get_rare(base: Any, condition: str) -> dict[str, list[float]]:
    alike = f"count(*) OVER (PARTITION BY {KIND}, cpu, memory, apart)"
    rare = f"SELECT * FROM tasks WHERE {condition} AND cpu IS NOT NULL QUALIFY {alike} < {FEW}"
    names = ("cpu", "memory", "disk")
    columns = ", ".join(f"quantile_cont({name}, {KNOTS})" for name in names)
    row = base.execute(f"SELECT {columns} FROM ({rare})").fetchone()
    return {name: round_all(knots) for name, knots in zip(names, row, strict=True)}


def get_machines(base: Any) -> dict[str, Any]:
    away = base.execute(
        f"""SELECT max(removes) AS upto, quantile_cont(seconds, {KNOTS}) FROM away
        GROUP BY removes > 1, removes > 5, removes > 20 ORDER BY upto"""
    ).fetchall()
    return {
        "capacities": base.execute("SELECT cpu, memory, count(*) FROM machines GROUP BY ALL ORDER BY ALL").fetchall(),
        "changes": base.execute("SELECT removes, updates, count(*) FROM machines GROUP BY ALL ORDER BY ALL").fetchall(),
        "late": base.execute("SELECT avg(late::INT) FROM machines").fetchone()[0],
        "gone": base.execute("SELECT avg(gone::INT) FROM machines WHERE removes > 0").fetchone()[0],
        "away": [[upto, round_all(knots)] for upto, knots in away],
    }


def round_all(knots: list[float]) -> list[float]:
    """Six digits: the shape is kept, not the values."""
    return [float(f"{knot:.6g}") for knot in knots]


def main() -> None:
    facts = json.dumps(derive(Path(sys.argv[1])), indent=0)
    FACTS.write_text(
        facts.replace(",\n", ", ").replace("[\n", "[").replace("\n]", "]").replace('", "', '",\n"').replace("}, ", "},\n") + "\n"
    )


if __name__ == "__main__":
    main()
