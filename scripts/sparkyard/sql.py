"""SQL over a lake without a JVM: DuckDB over the files that the catalog calls current."""

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from sparkyard import lake
from sparkyard.errors import ToolMissing, UsageError
from sparkyard.names import CATALOG

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

NUMBER = "_row"  # of the job sql-query: the place of a row in its answer
WHERE = "sparkyard sql"
WRITES = "ALTER|CALL|COPY|CREATE|DELETE|DROP|INSERT|MERGE|REPLACE|TRUNCATE|UPDATE"
UNKNOWN = re.compile(
    r'(Table|Schema) with name "?(?P<duckdb>[\w.]+)"? does not exist|_NOT_FOUND\] The table or view (?P<spark>\S+) cannot', re.I
)


def run_query(catalog: "Catalog", query: str) -> "pa.Table":
    """The answer as Arrow. Only tables that the query names are opened, each as it is now."""
    try:
        import duckdb
    except ImportError as error:
        raise ToolMissing(f"SQL needs DuckDB or --engine spark: {error}", next_command='pip install "sparkyard[local]"') from None
    known = lake.list_tables(catalog)
    if re.fullmatch(r"\s*show\s+(all\s+)?tables\s*;?\s*", query, re.I):
        return _list(known)
    with tempfile.TemporaryDirectory() as spill, duckdb.connect(config=_make_config(spill)) as database:
        database.execute(f"ATTACH ':memory:' AS {CATALOG}; USE {CATALOG}; SET TimeZone = 'UTC'")
        try:
            _check_is_query(database, query)
            for name in find_names(query, known):
                _show_table(database, name, open_rows(lake.load_metadata(catalog, name)))
            return name_apart(database.sql(query).to_arrow_table())
        except duckdb.Error as error:
            raise explain(str(error), known) from None


def _list(known: list[str]) -> "pa.Table":
    import pyarrow as pa

    return pa.table({"name": pa.array(known, pa.string())})


def name_apart(rows: "pa.Table") -> "pa.Table":
    """Two columns of one name would be one to whoever reads rows by name."""
    seen: Counter[str] = Counter()
    names = []
    for name in rows.column_names:
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return rows.rename_columns(names)


def _make_config(spill: str) -> dict[str, Any]:
    """Nothing is downloaded, and what memory cannot hold goes where temporary files go."""
    return {"temp_directory": spill, "autoinstall_known_extensions": "false"}


def _check_is_query(database: "duckdb.DuckDBPyConnection", query: str) -> None:
    kinds = [statement.type.name for statement in database.extract_statements(query)]
    if kinds != ["SELECT"]:
        raise _refuse(" and ".join(kinds) or "nothing")


def check_reads(query: str) -> None:
    """What Spark would refuse only when it has started."""
    if found := re.match(rf"\s*({WRITES})\b", query, re.I):
        raise _refuse(found[1].upper())


def _refuse(what: str) -> UsageError:
    return UsageError(f"one query and nothing else, not {what}: a lake is only read here", where=WHERE)


def find_names(query: str, known: Iterable[str]) -> list[str]:
    """The tables whose names stand in the query, as they are or in quotes; one too many does no harm."""
    plain = re.sub(r'["`\s]*\.["`\s]*', ".", query.lower())
    return [name for name in known if re.search(rf"(?<![\w.]){_either(name)}(?!\w)", plain)]


def _either(name: str) -> str:
    """With and without the catalog in front."""
    return rf"({CATALOG}\.)?{re.escape(name.removeprefix(f'{CATALOG}.').lower())}"


def _show_table(database: "duckdb.DuckDBPyConnection", name: str, rows: Any) -> None:
    _, layer, table = name.split(".", 2)
    database.register(name, rows)
    database.execute(f'CREATE SCHEMA IF NOT EXISTS "{layer}"; CREATE VIEW "{layer}"."{table}" AS FROM "{name}"')


def open_rows(table: "Table") -> Any:
    """The current files, of which DuckDB reads the columns and row groups that it needs; a table that PyIceberg read, where files alone
    do not say what the rows are: some are deleted beside them, or a name meant another column once."""
    from pyarrow import dataset
    from pyiceberg.io.pyarrow import PyArrowFileIO, schema_to_pyarrow

    tasks = list(table.scan().plan_files())
    if not tasks or not isinstance(table.io, PyArrowFileIO) or any(task.delete_files for task in tasks) or not are_names_enough(table):
        return table.scan().to_arrow()
    places = [PyArrowFileIO.parse_location(task.file.file_path) for task in tasks]
    scheme, host, _ = places[0]
    files = [path for _, _, path in places]
    schema = schema_to_pyarrow(table.schema(), include_field_ids=False)
    return dataset.dataset(files, schema=schema, format="parquet", filesystem=table.io.fs_by_scheme(scheme, host))


def are_names_enough(table: "Table") -> bool:
    """Whether each name has always meant one column, and each column had one name."""
    columns = {(number, schema.find_column_name(number)) for schema in table.schemas().values() for number in schema.field_ids}
    names, numbers = {name for _, name in columns}, {number for number, _ in columns}
    return len(columns) == len(names) == len(numbers) and "schema.name-mapping.default" not in table.properties


def explain(said: str, known: Iterable[str]) -> UsageError:
    """Of a table that is not there, which ones have a name like it."""
    if found := UNKNOWN.search(said):
        name = (found["duckdb"] or found["spark"]).replace("`", "").removeprefix(f"{CATALOG}.")
        return UsageError(f"no such table: {name}; {_tell_near(name, list(known))}", where=WHERE, next_command="sparkyard table")
    return UsageError(said.strip(), where=WHERE)


def _tell_near(name: str, known: list[str]) -> str:
    last = {full: full.rpartition(".")[2].lower() for full in known}
    near = get_close_matches(name.rpartition(".")[2].lower(), last.values())
    if matching := [full for full, word in last.items() if word in near]:
        return f"near it: {', '.join(matching)}"
    return f"there are: {', '.join(known) or 'none yet'}"


def take_answer(catalog: "Catalog", name: str) -> "pa.Table":
    """What the job sql-query left, in the query's order; the table goes."""
    table = lake.load_metadata(catalog, name)
    try:
        return table.scan().to_arrow().sort_by(NUMBER).drop_columns([NUMBER])
    finally:
        catalog.purge_table(table.name())
        place = urlsplit(table.location())
        if place.scheme in ("", "file"):  # Hadoop's checksums lie beside the files
            shutil.rmtree(unquote(place.path), ignore_errors=True)
