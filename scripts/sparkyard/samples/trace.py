"""The Google cluster trace of 2011 (version 2, © Google, CC-BY 4.0), made again from its statistics: gzip CSV without header, in shards.

Scale 1 is as large as shard 0 of the real one and like it in what the questions about the trace ask for: 190,000 tasks of 4,900 jobs, most
of which ran before it began. Each further unit is a shard of the next 5011.2 seconds with as many rows, of newcomers only: tasks that run
at its end run on. It depends on the seed and on its number alone. A scale below 1 has a part of the jobs and the same part of the 12,583
machines; above, the machines are the same. A machine may be given tasks while it is away.

task_usage is about as long as task_events, and like the real one in its columns only: what is found in it says nothing of Google's cluster.
"""

import importlib.util
import random
from collections.abc import Iterator

from sparkyard.errors import ToolMissing


def make_files(scale: float, seed: int = 0, broken: float = 0.0) -> Iterator[tuple[str, bytes]]:
    check_tools("sample trace")
    from sparkyard.samples.trace_csv import format_file
    from sparkyard.samples.trace_shards import make_tables

    for name, columns in make_tables(scale, seed):
        yield name, format_file(columns, broken, random.Random(f"{name} {seed}"))


def check_tools(who: str) -> None:
    for tool in ("numpy", "pyarrow"):
        if not importlib.util.find_spec(tool):
            raise ToolMissing(f"needs {tool}, which is not installed", where=who, next_command="pip install 'sparkyard[local]'")
