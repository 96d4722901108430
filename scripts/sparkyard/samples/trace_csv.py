"""Columns as gzip CSV, and how some of its lines get broken."""

import gzip
import io
import random

import numpy as np
import pyarrow as pa
from pyarrow import csv

from sparkyard.samples.trace_facts import Columns

LEVEL = 1  # of compression: the same data in a third of the time of the usual


def format_file(columns: Columns, broken: float, chance: random.Random) -> bytes:
    content = format_csv(columns)
    if broken:
        position = list(columns).index("event_type" if "event_type" in columns else "aggregation_type")
        content = break_lines(content, position, broken, chance)
    return gzip.compress(content, LEVEL, mtime=0)


def format_csv(columns: Columns) -> bytes:
    sink = io.BytesIO()
    csv.write_csv(make_table(columns), sink, csv.WriteOptions(include_header=False, quoting_style="none"))
    return sink.getvalue()


def make_table(columns: Columns) -> pa.Table:
    arrays = {}
    for name, column in columns.items():
        if isinstance(column, tuple):
            arrays[name] = pa.array(column[1]).take(pa.array(column[0]))
        else:
            arrays[name] = pa.array(column, mask=np.isnan(column) if column.dtype.kind == "f" else column < 0)
    return pa.table(arrays)


def break_lines(content: bytes, position: int, share: float, chance: random.Random) -> bytes:
    """In ways that a loader must notice. The last of them is the file's last line, of which only the first half is there."""
    lines = content.splitlines()
    wanted = round(share * len(lines))
    if not wanted:
        return content
    for number in chance.sample(range(len(lines) - 1), wanted - 1):
        lines[number] = break_line(lines[number], position, chance)
    lines[-1] = lines[-1][: len(lines[-1]) // 2]
    return b"\n".join(lines)


def break_line(line: bytes, position: int, chance: random.Random) -> bytes:
    time, *rest = line.split(b",")
    return chance.choice(
        [
            b",".join([time, *rest[:-1]]),  # too few columns
            line + b",1,2",  # too many
            b",".join([b"noon", *rest]),
            b",".join([b"-1" if time == b"0" else b"-" + time, *rest]),
            b",".join([time, *rest[: position - 1], b"12", *rest[position:]]),  # no such event, or no such number
            b",".join([time, *rest[: position - 1], b"\xff\xfe", *rest[position:]]),  # not UTF-8
        ]
    )
