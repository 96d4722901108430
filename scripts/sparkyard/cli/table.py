"""`sparkyard table`: rows of a table of the local lake or of the cluster's, without a JVM."""

import csv
import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparkyard.cli import app
from sparkyard.cli.options import Home

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.catalog import Catalog


class Format(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"


HELP = """Show a table of the lake, this machine's or with --cluster the cluster's. Without a name: which tables there are.

\b
  sparkyard table
  sparkyard table yard.refined.events_windows --limit 5
  sparkyard table refined.events_windows --format csv > windows.csv
  sparkyard table yard.refined.events_windows --cluster --checksum
"""


@app.command(help=HELP)
def table(
    name: Annotated[str | None, typer.Argument(help="yard.<layer>.<name>; yard. may be left out.")] = None,
    home: Home = None,
    format_: Annotated[Format, typer.Option("--format", help="For people, or for programs.")] = Format.table,
    limit: Annotated[int | None, typer.Option(min=0, help="So many rows at most.", show_default="20 for people, else all")] = None,
    cluster: Annotated[bool, typer.Option("--cluster", help="Read the cluster's lake instead of the local one.")] = False,
    checksum: Annotated[bool, typer.Option("--checksum", help="Print rows and a checksum that no order of rows changes.")] = False,
) -> None:
    with open_catalog(home, cluster) as catalog:
        _show(catalog, name, format_, limit, checksum)


@contextmanager
def open_catalog(home: Path | None, cluster: bool) -> Iterator["Catalog"]:
    from sparkyard.local.home import DEFAULT_HOME

    if cluster:
        from sparkyard.kube import Kube
        from sparkyard.runs import cluster_lake

        with cluster_lake.open_catalog(Kube()) as catalog:
            yield catalog
    else:
        from sparkyard import lake

        yield lake.load_catalog(home or DEFAULT_HOME)


def _show(catalog: "Catalog", name: str | None, format_: Format, limit: int | None, checksum: bool) -> None:
    from sparkyard import lake

    if name is None:
        print(*lake.list_tables(catalog), sep="\n")
    elif checksum:
        print(lake.checksum(lake.load_table(catalog, name)))
    elif format_ is Format.table:
        _print_for_people(catalog, name, 20 if limit is None else limit)
    else:
        print_rows(lake.load_table(catalog, name, limit=limit), format_)


def _print_for_people(catalog: "Catalog", name: str, limit: int) -> None:
    from sparkyard import lake
    from sparkyard.cli.display import make_console

    rows = lake.load_table(catalog, name, limit=limit)
    print_rows(rows, Format.table)
    make_console().print(f"{rows.num_rows:,} of {lake.count_rows(catalog, name):,} rows", style="dim")


def print_rows(rows: "pa.Table", format_: Format) -> None:
    {Format.table: _print_table, Format.csv: _print_csv, Format.json: _print_json}[format_](rows)


def _print_table(rows: "pa.Table") -> None:
    from sparkyard.cli.display import make_console, make_table

    values = [[_plain(value) for value in row.values()] for row in rows.to_pylist()]
    make_console().print(make_table(rows.column_names, values))


def _print_csv(rows: "pa.Table") -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(rows.column_names)
    writer.writerows([_plain(value) for value in row.values()] for batch in rows.to_batches() for row in batch.to_pylist())


def _print_json(rows: "pa.Table") -> None:
    print(json.dumps(_to_json(rows.to_pylist()), default=_plain, indent=1, allow_nan=False))


def _to_json(value: Any) -> Any:
    """JSON knows no NaN and no infinity: null, as readers of other languages take it."""
    if isinstance(value, dict):
        return {key: _to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> Any:
    """Times in ISO 8601, as one can read them back; what JSON does not know as text."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds" if not value.microsecond else "milliseconds").replace("+00:00", "Z")
    return value if isinstance(value, str | int | float | bool | None) else str(value)
