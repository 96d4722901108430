"""What cannot become a job, cell by cell, in words: magics, widgets, what only a notebook has, and names that no cell makes."""

import ast
import builtins
import re
import symtable
from collections.abc import Iterator, Sequence

from sparkyard.promote.cells import Cell

RESULT = "result"
GIVEN = {*dir(builtins), "spark", "display", "__name__"}
MAGIC = re.compile(r"^\s*(?:[\w, ]+=\s*)?[%!].*|^\s*\??[\w.]+\?+\s*$")
WIDGETS = {"ipywidgets", "IPython", "google", "dbutils"}
PLACES = {"sparkyard", "airflow", "kubernetes", "pyhelm3", "boto3", "psycopg"}
CALLS = {"input": "asks a person", "get_ipython": "asks the notebook's kernel", "breakpoint": "waits for a person"}
ATTRIBUTES = {
    "sparkContext": "is not there over Spark Connect: say it with DataFrames",
    "_jvm": "is not there over Spark Connect: say it with DataFrames",
    "_jsc": "is not there over Spark Connect: say it with DataFrames",
    "rdd": "is not there over Spark Connect: say it with DataFrames",
    "master": "says where Spark runs, which the place decides",
}


def list_refusals(chosen: Sequence[Cell], every: Sequence[Cell]) -> list[str]:
    """Every reason at once; none is an empty list."""
    broken = [words for cell in chosen for words in find_syntax(cell)]
    if broken:
        return broken
    found = [f"{cell.name}, line {line}: {words}" for cell in chosen for line, words in find_notebook_only(ast.parse(cell.source))]
    found += find_hidden_names(chosen, every)
    if not any(RESULT in defined(cell) for cell in chosen):
        found.append(f"no cell assigns `{RESULT}`, the DataFrame that the job's table is made of")
    return found


def find_syntax(cell: Cell) -> Iterator[str]:
    try:
        ast.parse(cell.source)
    except SyntaxError as error:
        magics = [(number, line) for number, line in enumerate(cell.source.splitlines(), 1) if MAGIC.match(line)]
        for number, line in magics:
            yield f"{cell.name}, line {number}: `{line.strip()}` is a magic of the notebook: a job has neither shell nor magics"
        if not magics:
            yield f"{cell.name}, line {error.lineno}: is not Python: {error.msg}"


def find_notebook_only(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Import() | ast.ImportFrom():
                yield from _imports(node)
            case ast.Call(func=ast.Name(id=name)) if name in CALLS:
                yield node.lineno, f"`{name}()` {CALLS[name]}, and nobody is there when a job runs"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="spark"), attr="stop")):
                yield node.lineno, "`spark.stop()` ends the session before the job has written its table"
            case ast.Attribute(attr=name) if name in ATTRIBUTES:
                yield node.lineno, f"`.{name}` {ATTRIBUTES[name]}"
            case ast.Name(id="yard", ctx=ast.Load()):
                yield node.lineno, "`yard` is a helper of notebooks: name the table, as in spark.table(…)"
            case ast.Await():
                yield node.lineno, "`await` at the top of a cell works in notebooks only"


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[int, str]]:
    modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or "."]
    for module in modules:
        first = module.split(".")[0]
        if first in WIDGETS:
            yield node.lineno, f"`{module}` draws in a notebook: a job has nobody who looks"
        elif first in PLACES:
            yield node.lineno, f"`{module}` may not be imported by jobs, which know no place"


def find_hidden_names(chosen: Sequence[Cell], every: Sequence[Cell]) -> Iterator[str]:
    """Names that a cell uses and that no chosen cell above defines."""
    known, all_of_them = set(GIVEN), set(GIVEN).union(*(defined(cell) for cell in chosen))
    for cell in chosen:
        now, later = used(cell)
        known |= defined(cell)
        for name in sorted((now - known) | (later - all_of_them)):
            yield f"{cell.name}: uses `{name}`, {_where_from(name, cell, every)}"


def _where_from(name: str, cell: Cell, every: Sequence[Cell]) -> str:
    makers = [other for other in every if name in readable(other)]
    above = [other.name for other in makers if other.number < cell.number]
    below = [other.name for other in makers if other.number > cell.number]
    if above:
        return f"which {' and '.join(above)} defines: choose it too"
    return (
        f"which only {below[0]}, below it, defines"
        if below
        else "which no cell defines: hidden state of a kernel that has run something else"
    )


def readable(cell: Cell) -> set[str]:
    try:
        return defined(cell)
    except SyntaxError:
        return set()


def defined(cell: Cell) -> set[str]:
    table = symtable.symtable(cell.source, cell.name, "exec")
    names = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    return names | {child.get_name() for child in table.get_children() if child.get_type() in ("function", "class")}


def used(cell: Cell) -> tuple[set[str], set[str]]:
    """Names wanted when the cell runs, and those wanted when its functions are called."""
    table = symtable.symtable(cell.source, cell.name, "exec")
    now = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()} - defined(cell)
    return now, {name for child in table.get_children() for name in _globals(child)}


def _globals(table: symtable.SymbolTable) -> Iterator[str]:
    yield from (symbol.get_name() for symbol in table.get_symbols() if symbol.is_global() and symbol.is_referenced())
    for child in table.get_children():
        yield from _globals(child)
