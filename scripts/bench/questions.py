"""The eleven questions in SQL that Spark and DuckDB both understand: written down straight from their definitions, and apart from our jobs.

`{explode}({series}(from, to))` makes a row of each whole number, `{ignore_nulls}` is an argument: each engine puts in its own words.
"""

COLUMNS = {
    "machine_events": "time BIGINT, machine_id BIGINT, event_type INT, platform_id STRING, cpus DOUBLE, memory DOUBLE",
    "job_events": (
        "time BIGINT, missing_info INT, job_id BIGINT, event_type INT, user STRING, scheduling_class INT, "
        "job_name STRING, logical_job_name STRING"
    ),
    "task_events": (
        "time BIGINT, missing_info INT, job_id BIGINT, task_index BIGINT, machine_id BIGINT, event_type INT, user STRING, "
        "scheduling_class INT, priority INT, cpu_request DOUBLE, memory_request DOUBLE, disk_request DOUBLE, different_machines INT"
    ),
    "task_usage": (
        "start_time BIGINT, end_time BIGINT, job_id BIGINT, task_index BIGINT, machine_id BIGINT, cpu_rate DOUBLE, "
        "canonical_memory DOUBLE, assigned_memory DOUBLE, unmapped_page_cache DOUBLE, total_page_cache DOUBLE, max_memory DOUBLE, "
        "disk_io_time DOUBLE, local_disk_space DOUBLE, max_cpu_rate DOUBLE, max_disk_io_time DOUBLE, cpi DOUBLE, mai DOUBLE, "
        "sample_portion DOUBLE, aggregation_type INT, sampled_cpu DOUBLE"
    ),
}
WITHIN = "time < 9223372036854775807"
SPAN = f"(SELECT max(time) - 600000000 FROM machine_events WHERE {WITHIN})"
TASK = "count(DISTINCT (job_id, task_index))"

CAPACITIES = """
    moves AS (SELECT *, row_number() OVER (PARTITION BY machine_id ORDER BY time, CASE event_type WHEN 1 THEN 0 WHEN 0 THEN 1 ELSE 2 END,
                                           cpus NULLS FIRST, memory NULLS FIRST) AS nth FROM machine_events),
    capacities AS (SELECT machine_id, max_by(cpus, nth) FILTER (WHERE cpus IS NOT NULL) AS cpus FROM moves GROUP BY machine_id)"""
GAPS = f"""{CAPACITIES},
    turns AS (SELECT machine_id, time, event_type, lag(event_type) OVER (PARTITION BY machine_id ORDER BY nth) AS earlier,
                     min(CASE WHEN event_type = 0 THEN time END) OVER (PARTITION BY machine_id ORDER BY nth
                         ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS back
              FROM moves WHERE event_type < 2 AND {WITHIN}),
    gaps AS (SELECT machine_id, greatest(time, 600000000) AS since, CASE WHEN back IS NOT NULL THEN greatest(back, 600000000) END AS until
             FROM turns WHERE event_type = 1 AND coalesce(earlier, 0) <> 1)"""
TASKS_IN_ORDER = """(SELECT *, row_number() OVER (PARTITION BY job_id, task_index ORDER BY time, event_type, machine_id NULLS FIRST,
                                                  cpu_request NULLS FIRST, memory_request NULLS FIRST) AS nth FROM task_events {where})"""
BIN = """CASE WHEN cpus IS NULL THEN 'unknown' WHEN cpus <= 0.2 THEN '0.0 to 0.2' WHEN cpus <= 0.4 THEN '0.2 to 0.4'
    WHEN cpus <= 0.6 THEN '0.4 to 0.6' WHEN cpus <= 0.8 THEN '0.6 to 0.8' ELSE '0.8 to 1.0' END"""


def last_told(column: str, key: str) -> str:
    rows = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
    return f"last_value({column}{{ignore_nulls}}) OVER (PARTITION BY {key} ORDER BY nth {rows})"


def slot(time: str, rounded: str = "floor") -> str:
    return f"CAST({rounded}(({time}) / 300000000) AS BIGINT)"


def each_point(columns: str, source: str, where: str) -> str:
    """What holds from `time` till before `until`, once for every point from the trace's first moment to its last."""
    first, final = (slot(f"{moment} - 600000000", "ceil") for moment in ("time", "until"))
    spans = f"SELECT {columns}, greatest(0, {first}) AS one, least(last_one, {final} - 1) AS other FROM {source}, ends WHERE {where}"
    return f"SELECT {columns}, {{explode}}({{series}}(one, other)) AS point FROM ({spans}) WHERE one <= other"


Q8 = f"""
    WITH peaks AS (SELECT machine_id, {slot("start_time")} AS slot, max(max_cpu_rate) AS cpu, max(max_memory) AS memory
                   FROM task_usage WHERE machine_id IS NOT NULL AND start_{WITHIN} GROUP BY machine_id, {slot("start_time")}),
         evicted AS (SELECT machine_id, {slot("time")} AS slot, count(*) AS evictions FROM task_events
                     WHERE event_type = 2 AND machine_id IS NOT NULL AND {WITHIN} GROUP BY machine_id, {slot("time")}),
         joined AS (SELECT cpu, memory, coalesce(evictions, 0) AS evictions FROM peaks LEFT JOIN evicted USING (machine_id, slot))
    SELECT count(*), sum(evictions), corr(cpu, evictions), corr(memory, evictions) FROM joined"""
TASK_KEY, BILLIONTHS = "job_id, task_index", "CAST(round(coalesce({}, 0) * 1e9) AS BIGINT)"
Q10 = f"""
    WITH {CAPACITIES}, ends AS (SELECT {slot("max(time) - 600000000")} AS last_one FROM task_events WHERE {WITHIN}),
    told AS (SELECT event_type, time, coalesce(lead(time) OVER (PARTITION BY {TASK_KEY} ORDER BY nth), 9223372036854775807) AS until,
                    CASE event_type WHEN 1 THEN machine_id ELSE {last_told("machine_id", TASK_KEY)} END AS machine_id,
                    {BILLIONTHS.format(last_told("cpu_request", TASK_KEY))} AS cpu,
                    {BILLIONTHS.format(last_told("memory_request", TASK_KEY))} AS memory
             FROM {TASKS_IN_ORDER.format(where="WHERE event_type NOT IN (0, 7)")}),
    running AS ({each_point("machine_id, cpu, memory", "told", "event_type IN (1, 8) AND machine_id IS NOT NULL")}),
    asked AS (SELECT machine_id, point, sum(cpu) AS cpu, sum(memory) AS memory FROM running GROUP BY machine_id, point),
    states AS (SELECT machine_id, event_type, time,
                      coalesce(lead(time) OVER (PARTITION BY machine_id ORDER BY nth), 9223372036854775807) AS until,
                      {last_told("cpus", "machine_id")} AS cpus, {last_told("memory", "machine_id")} AS held FROM moves),
    there AS ({each_point("machine_id, cpus, held", "states", "event_type <> 1 AND cpus IS NOT NULL AND held IS NOT NULL")}),
    compared AS (SELECT coalesce(cpu > {BILLIONTHS.format("cpus")}, false) AS c, coalesce(memory > {BILLIONTHS.format("held")}, false) AS m
                 FROM there LEFT JOIN asked USING (machine_id, point))
    SELECT count(*), count(*) FILTER (WHERE c) / count(*), count(*) FILTER (WHERE m) / count(*),
           count(*) FILTER (WHERE c OR m) / count(*), count(*) FILTER (WHERE c AND m) / count(*) FROM compared"""

SQL = {
    "q1": f"WITH {CAPACITIES} SELECT cpus, count(*), count(*) / sum(count(*)) OVER () FROM capacities GROUP BY cpus",
    "q2": f"""
        WITH {GAPS}, lost AS (SELECT sum((until - since) * cpus) AS lost, count(until) AS times, count(*) - count(until) AS never
                              FROM gaps JOIN capacities USING (machine_id))
        SELECT lost / ((SELECT sum(cpus) FROM capacities) * {SPAN}), times, never FROM lost""",
    "q3": f"""
        WITH jobs AS (SELECT scheduling_class, count(DISTINCT job_id) AS jobs, 0 AS tasks FROM job_events GROUP BY scheduling_class),
             tasks AS (SELECT scheduling_class, 0 AS jobs, {TASK} AS tasks FROM task_events GROUP BY scheduling_class)
        SELECT scheduling_class, max(jobs), max(tasks) FROM (SELECT * FROM jobs UNION ALL SELECT * FROM tasks) GROUP BY scheduling_class""",
    "q4": " UNION ALL ".join(
        f"SELECT '{name}', {column}, {TASK}, {TASK} FILTER (WHERE event_type = 2) FROM task_events GROUP BY {column}"
        for name, column in {"class": "scheduling_class", "priority": "priority"}.items()
    ),
    "q5": f"""
        WITH {CAPACITIES}, evicted AS (SELECT machine_id, count(*) AS evictions FROM task_events
                                       WHERE event_type = 2 AND machine_id IS NOT NULL GROUP BY machine_id),
        machines AS (SELECT cpus, coalesce(evictions, 0) AS evictions FROM capacities FULL JOIN evicted USING (machine_id))
        SELECT {BIN}, count(*), sum(evictions), avg(evictions) FROM machines GROUP BY {BIN}
        UNION ALL SELECT 'correlation', NULL, NULL, corr(cpus, evictions) FROM machines""",
    "q6": """
        WITH jobs AS (SELECT job_id, count(DISTINCT machine_id) AS machines FROM task_events
                      WHERE event_type = 1 AND machine_id IS NOT NULL GROUP BY job_id HAVING count(DISTINCT task_index) > 1)
        SELECT count(*), avg(CASE WHEN machines = 1 THEN 1e0 ELSE 0e0 END), avg(machines) FROM jobs""",
    "q7": f"""
        WITH asked AS (SELECT job_id, task_index, max_by(cpu_request, nth) FILTER (WHERE cpu_request IS NOT NULL) AS cpu,
                              max_by(memory_request, nth) FILTER (WHERE memory_request IS NOT NULL) AS memory
                       FROM {TASKS_IN_ORDER.format(where="")} GROUP BY job_id, task_index),
             used AS (SELECT job_id, task_index, avg(cpu_rate) AS cpu_used, avg(canonical_memory) AS memory_used, count(*) AS measurements
                      FROM task_usage GROUP BY job_id, task_index)
        SELECT sum(measurements), corr(cpu, cpu_used), corr(memory, memory_used)
        FROM asked JOIN used USING (job_id, task_index) WHERE cpu IS NOT NULL OR memory IS NOT NULL""",
    "q8": Q8,
    "q9": f"""
        WITH hours AS (SELECT (CAST(floor((start_time - 600000000) / 3600000000) AS BIGINT) + 43) % 24 AS hour, count(*) AS measurements,
                              avg(cpu_rate) AS cpu, avg(canonical_memory) AS memory FROM task_usage WHERE start_{WITHIN} GROUP BY 1)
        SELECT hour, coalesce(measurements, 0), cpu, memory
        FROM (SELECT {{explode}}({{series}}(0, 23)) AS hour) LEFT JOIN hours USING (hour)""",
    "q10": Q10,
    "q11": f"""
        WITH {GAPS}, away AS (SELECT machine_id, count(until) AS times, sum(until - since) AS away FROM gaps GROUP BY machine_id)
        SELECT cpus, count(*), count(*) FILTER (WHERE times > 0), coalesce(sum(away), 0) / (count(*) * {SPAN})
        FROM capacities LEFT JOIN away USING (machine_id) GROUP BY cpus""",
}
READS = {name: [folder for folder in COLUMNS if folder in sql] for name, sql in SQL.items()}
