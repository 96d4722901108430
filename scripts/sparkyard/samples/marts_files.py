"""The messenger's events as Parquet."""

from typing import Any

import pyarrow as pa
from pyarrow import parquet

MEDIA = pa.struct([("media_type", pa.string()), ("src", pa.string())])
EVENT = pa.struct(
    [
        ("admins", pa.list_(pa.int64())),
        ("channel_id", pa.int64()),
        ("datetime", pa.string()),
        ("media", MEDIA),
        *((name, pa.string() if name == "message" else pa.int64()) for name in ("message", "message_channel_to", "message_from")),
        *((name, pa.int64()) for name in ("message_group", "message_id", "message_to")),
        *((name, pa.string()) for name in ("message_ts", "reaction_from", "reaction_type")),
        ("subscription_channel", pa.int64()),
        ("subscription_user", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("user", pa.string()),
    ]
)
SCHEMA = pa.schema([("event", EVENT), ("event_type", pa.string()), ("lat", pa.float64()), ("lon", pa.float64())])


def format_file(rows: list[dict[str, Any]]) -> bytes:
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(rows, SCHEMA), sink)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]
