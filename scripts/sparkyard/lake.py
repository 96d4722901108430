"""Tables of a lake, read without a JVM: the local catalog, or a cluster's through its catalog database and S3 endpoint."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparkyard.errors import InputError, ToolMissing, UsageError
from sparkyard.names import CATALOG

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

IN_ORDER = 1_000_000  # rows

# PyIceberg would otherwise look for a configuration of the user's own.
os.environ.setdefault("PYICEBERG_HOME", os.devnull)


def load_catalog(home: Path) -> "Catalog":
    """The catalog of a local lake."""
    database = home.resolve() / "catalog.db"
    if not database.exists():
        raise InputError(
            "no lake here: no job has written a table yet",
            where=f"--home {home}",
            next_command="sparkyard run manifests/jobs/events-windows.yaml",
        )
    return load_remote_catalog(f"sqlite:///{database}", {"warehouse": str(home.resolve() / "lake")})


def load_remote_catalog(uri: str, options: Mapping[str, str]) -> "Catalog":
    """A catalog by the URI of its database (postgresql+psycopg://…) and PyIceberg's options for the files (s3.endpoint, …)."""
    try:
        from pyiceberg.catalog.sql import SqlCatalog
    except ImportError as error:
        raise ToolMissing(f"tables cannot be read here: {error}", next_command='pip install "sparkyard[local]"') from None
    return SqlCatalog(CATALOG, uri=uri, init_catalog_tables="false", **options)


def list_tables(catalog: "Catalog", *prefixes: str) -> list[str]:
    """All of them, or those whose own name begins so."""
    tables = [table for space in catalog.list_namespaces() for table in catalog.list_tables(space)]
    return sorted(f"{CATALOG}.{'.'.join(table)}" for table in tables if table[-1].startswith(prefixes or ""))


def load_table(
    catalog: "Catalog", name: str, *, columns: Sequence[str] = ("*",), limit: int | None = None, where: Mapping[str, Any] | None = None
) -> "pa.Table":
    """The rows of a table as Arrow, by their first column where a table is small enough to be put in order; `where` columns are so."""
    table = load_metadata(catalog, name)
    if table.scan().count() > IN_ORDER and not where:
        return table.scan(selected_fields=tuple(columns), limit=limit).to_arrow()
    chosen: dict[str, Any] = {"row_filter": " and ".join(f"{column} = '{value}'" for column, value in where.items())} if where else {}
    rows = table.scan(**chosen, selected_fields=tuple(columns)).to_arrow()
    return rows.sort_by(rows.column_names[0]).slice(0, limit)


def count_rows(catalog: "Catalog", name: str) -> int:
    return load_metadata(catalog, name).scan().count()


def load_metadata(catalog: "Catalog", name: str) -> "Table":
    """`yard.` may be left out."""
    from pyiceberg.exceptions import NoSuchTableError

    try:
        return catalog.load_table(name.removeprefix(f"{CATALOG}."))
    except (NoSuchTableError, ValueError):
        known = list_tables(catalog)
        said = "; there are: " + ", ".join(known) if known else "; the lake has none yet"
        raise UsageError(f"no such table{said}", where=name, next_command=f"sparkyard table {known[0]}" if known else "") from None


def to_columns(table: "pa.Table") -> dict[str, list[Any]]:
    return {name: table.column(name).to_pylist() for name in table.column_names}


def checksum(table: "pa.Table") -> str:
    """Equal for equal rows in whatever order: the sum of the hashes of all rows, so that a row twice counts twice."""
    names = sorted(table.column_names)
    columns = [table.column(name).to_pylist() for name in names]
    total = int(hashlib.sha256("\x1f".join(names).encode()).hexdigest(), 16)
    for row in zip(*columns, strict=True):
        total += int(hashlib.sha256("\x1f".join(map(_text, row)).encode()).hexdigest(), 16)
    return f"{table.num_rows}-{total % 2**256:064x}"


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    return repr(value)
