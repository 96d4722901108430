"""Facts about the real Google cluster trace, for the generator: `python -m sparkyard.samples.trace_derive DATA`, which writes trace_facts.json.

Google cluster trace 2011 v2, © Google, CC-BY 4.0. What is kept are statistics: how many jobs, tasks and machines are of a kind, and quantiles.
Nothing of a single user, job name or identifier is kept, sizes are rounded to two digits, and a request is named if at least 40 tasks made it.
"""

import json
import sys
from itertools import groupby
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
KNOTS = [i / 64 for i in range(65)]
# `before` says that a job was there before the trace began; `looping`, that a task was tried again and again.
VIEWS = f"""
CREATE TABLE lives AS SELECT job, task, string_agg(event::VARCHAR, '' ORDER BY row) AS life FROM task_events GROUP BY ALL;
CREATE TABLE job_lives AS SELECT job, string_agg(event::VARCHAR, '' ORDER BY row) AS outcome, min(time) = 0 AS before FROM job_events GROUP BY ALL;
CREATE TABLE tasks AS SELECT job, task, any_value(class) AS class, any_value(priority) AS priority, any_value(before) AS before,
    any_value(outcome) AS outcome, any_value(life) AS life, arg_min(cpu, row) AS cpu, arg_min(memory, row) AS memory,
    arg_min(disk, row) AS disk, arg_min(apart, row) AS apart
    FROM task_events JOIN lives USING (job, task) JOIN job_lives USING (job) GROUP BY ALL;
CREATE TABLE gaps AS SELECT time = 0 AS before, length(life) > {LOOPING} AS looping, outcome, event AS was, lead(event) OVER steps AS event,
    (lead(time) OVER steps - time) / 1e6 AS seconds
    FROM task_events JOIN lives USING (job, task) JOIN job_lives USING (job) WINDOW steps AS (PARTITION BY job, task ORDER BY row);
CREATE TABLE machines AS SELECT machine, arg_max(cpu, row) AS cpu, arg_max(memory, row) AS memory, min(time) > 0 AS late,
    arg_max(event, row) = 1 AS gone, count(*) FILTER (event = 1) AS removes, count(*) FILTER (event = 2) AS updates
    FROM machine_events GROUP BY ALL;
CREATE TABLE away AS SELECT * FROM (SELECT machine, event, lead(event) OVER steps AS next, (lead(time) OVER steps - time) / 1e6 AS seconds
    FROM machine_events WINDOW steps AS (PARTITION BY machine ORDER BY row)) JOIN machines USING (machine) WHERE event = 1 AND next = 0;
"""
KIND = "before, class, priority, outcome"
QUERIES = {
    "sizes": f"""SELECT {KIND}, CASE WHEN size < 10 THEN size ELSE round(size, 1 - floor(log10(size))::INT)::BIGINT END AS size,
        count(*) AS jobs FROM (SELECT {KIND}, job, count(*) AS size FROM tasks GROUP BY ALL) GROUP BY ALL""",
    "lives": f"SELECT {KIND}, life, count(*) AS tasks FROM tasks GROUP BY ALL",
    "requests": f"""SELECT {KIND}, cpu, memory, median(disk), coalesce(apart, false)::INT AS apart, count(*) AS tasks FROM tasks
        WHERE cpu IS NOT NULL GROUP BY ALL HAVING tasks >= 40""",
}


def derive(data: Path) -> dict[str, Any]:
    base = load_tables(data)
    kinds: dict[str, dict[str, Any]] = {}
    for name, query in QUERIES.items():
        for kind, rows in groupby(base.execute(f"{query} ORDER BY ALL").fetchall(), key=lambda row: row[:4]):
            kinds.setdefault(format_kind(kind), {})[name] = [[shorten(row[4]), *row[5:]] for row in rows]
    return {"citation": "Google cluster trace 2011 v2, © Google, CC-BY 4.0", "kinds": kinds, **get_pooled(base)}


def load_tables(data: Path) -> Any:
    import duckdb

    base = duckdb.connect()
    for name, columns in TABLES.items():
        typed = ", ".join("'{}': '{}'".format(*column.split()) for column in columns.split(", "))
        base.execute(f"CREATE TABLE {name} AS SELECT *, row_number() OVER () AS row FROM read_csv('{data}/{name}/*.gz', columns = {{{typed}}})")
    base.execute(VIEWS)
    return base


def format_kind(kind: tuple[bool, int, int, str]) -> str:
    before, cls, priority, outcome = kind
    return f"{int(before)} {cls} {priority} {outcome}"


def shorten(life: Any) -> Any:
    """What was tried hundreds of times, as `015*180 01`: three events, repeated, and the rest."""
    if not isinstance(life, str) or len(life) <= LOOPING:
        return life
    for times in range(len(life) // 3, 1, -1):
        if life.startswith(life[:3] * times):
            return f"{life[:3]}*{float(f'{times:.2g}'):.0f} {life[3 * times :]}"
    return life


def get_pooled(base: Any) -> dict[str, Any]:
    gaps = base.execute(
        f"""SELECT concat_ws(' ', before::INT, looping::INT, outcome, was, event), quantile_cont(seconds, {KNOTS}) FROM gaps
        WHERE event IS NOT NULL GROUP BY ALL HAVING count(*) >= 40 UNION ALL
        SELECT concat_ws(' ', before::INT, '*', '*', was, event), quantile_cont(seconds, {KNOTS}) FROM gaps
        WHERE event IS NOT NULL GROUP BY ALL ORDER BY ALL"""
    ).fetchall()
    rare = f"SELECT *, count(*) OVER (PARTITION BY {KIND}, cpu, memory, apart) AS alike FROM tasks QUALIFY alike < 40"
    cpu, memory, disk = base.execute(
        f"SELECT quantile_cont(cpu, {KNOTS}), quantile_cont(memory, {KNOTS}), quantile_cont(disk, {KNOTS}) FROM ({rare})"
    ).fetchone()
    return {
        "gaps": {name: round_all(knots) for name, knots in gaps},
        "rare_requests": {"cpu": round_all(cpu), "memory": round_all(memory), "disk": round_all(disk)},
        "machines": get_machines(base),
    }


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
    """Five digits: the shape is kept, not the values."""
    return [float(f"{knot:.5g}") for knot in knots]


def main() -> None:
    facts = json.dumps(derive(Path(sys.argv[1])), indent=0)
    FACTS.write_text(facts.replace(",\n", ", ").replace("[\n", "[").replace("\n]", "]").replace('", "', '",\n"').replace("}, ", "},\n") + "\n")


if __name__ == "__main__":
    main()
