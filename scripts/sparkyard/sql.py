"""SQL over a lake without a JVM: DuckDB over the files that the catalog calls current."""

import re
import shutil
import tempfile
from collections.abc import Iterable
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


def run_query(catalog: "Catalog", query: str) -> "pa.Table":
    """The answer as Arrow. Only tables that the query names are opened, each as it is now."""
    try:
        import duckdb
    except ImportError as error:
        raise ToolMissing(f"SQL needs DuckDB or --engine spark: {error}", next_command='pip install "sparkyard[local]"') from None
    known = lake.list_tables(catalog)
    with tempfile.TemporaryDirectory() as spill, duckdb.connect(config=_make_config(spill)) as database:
        database.execute(f"ATTACH ':memory:' AS {CATALOG}; USE {CATALOG}; SET TimeZone = 'UTC'")
        try:
            _check_is_query(database, query)
            for name in find_names(query, known):
                _show_table(database, name, open_rows(lake.load_metadata(catalog, name)))
            return database.sql(query).to_arrow_table()
        except duckdb.Error as error:
            raise _explain(error, known) from None


def _make_config(spill: str) -> dict[str, Any]:
    """Nothing is downloaded, and what memory cannot hold goes where temporary files go."""
    return {"temp_directory": spill, "autoinstall_known_extensions": "false"}


def _check_is_query(database: "duckdb.DuckDBPyConnection", query: str) -> None:
    kinds = [statement.type.name for statement in database.extract_statements(query)]
    if kinds != ["SELECT"]:
        raise UsageError(
            f"one query and nothing else, not {' and '.join(kinds) or 'nothing'}: a lake is only read here", where="sparkyard sql"
        )


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


def _explain(error: Exception, known: Iterable[str]) -> UsageError:
    said = str(error).strip()
    if re.search(r"(Table|Schema) with name .* does not exist", said, re.IGNORECASE):
        said = f"{said.splitlines()[0]}\nThere are: {', '.join(known) or 'no tables yet'}"
    return UsageError(said, where="sparkyard sql", next_command="sparkyard table")


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
