"""The trace's files, one after the other: the machines, then shard for shard its jobs, tasks and their usage."""

import math
from collections.abc import Iterator

from sparkyard.samples.trace_facts import Columns, make_chance
from sparkyard.samples.trace_lives import make_events
from sparkyard.samples.trace_machines import Machines, make_machine_events, make_machines
from sparkyard.samples.trace_tables import make_job_ids, make_job_table, make_task_table, make_users
from sparkyard.samples.trace_tasks import make_tasks
from sparkyard.samples.trace_usage import Runs, join, make_residents, make_runs, make_usage_table, prolong


def make_tables(scale: float, seed: int) -> Iterator[tuple[str, Columns]]:
    """The name says 500 shards, as the real one's: so a larger scale changes no name."""
    machines = make_machines(seed, scale)
    yield "machine_events/part-00000-of-00001.csv.gz", make_machine_events(machines, seed)
    residents = None
    for unit in range(math.ceil(scale)):
        shard = f"part-{unit:05d}-of-00500.csv.gz"
        jobs, tasks, runs = make_shard(unit, min(1.0, scale - unit), seed, machines)
        yield f"job_events/{shard}", jobs
        yield f"task_events/{shard}", tasks
        all_runs = join(runs, prolong(residents, unit)) if residents else runs
        yield f"task_usage/{shard}", make_usage_table(all_runs, make_chance(seed, "usage", unit))
        residents = residents or make_residents(runs)


def make_shard(unit: int, share: float, seed: int, machines: Machines) -> tuple[Columns, Columns, Runs]:
    chance = make_chance(seed, "shard", unit)
    tasks = make_tasks(unit, share, machines, chance)
    events = make_events(tasks, unit, machines, chance)
    ids, users = make_job_ids(tasks, unit), make_users(tasks, seed, chance)
    runs = make_runs(tasks, events, ids, unit, machines, chance)
    jobs = make_job_table(tasks, events, ids, users, chance)
    return jobs, make_task_table(tasks, events, ids, users, machines), runs
