"""A notebook's code cells, numbered as a fresh kernel counts them."""

import ast
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sparkyard.errors import UsageError

PARAMETERS = "parameters"  # the tag of the cell whose names become the job's arguments
SUGGESTION = "sparkyard promote notebooks/06-to-job.ipynb --as events-quiet"


@dataclass(frozen=True)
class Cell:
    number: int  # In [number] of a run from top to bottom
    source: str
    tags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"cell {self.number}"


@dataclass(frozen=True)
class Notebook:
    path: Path
    title: str
    cells: list[Cell] = field(default_factory=list)


def load_notebook(path: Path) -> Notebook:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        raw = [(cell["cell_type"], "".join(cell["source"]), tuple(cell["metadata"].get("tags", ()))) for cell in document["cells"]]
    except FileNotFoundError:
        raise UsageError("no such notebook", where=str(path), next_command=SUGGESTION) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"is no notebook: {type(error).__name__}: {error}", where=str(path)) from None
    code = [(source, tags) for kind, source, tags in raw if kind == "code" and source.strip()]
    cells = [Cell(number, source, tags) for number, (source, tags) in enumerate(code, 1)]
    return Notebook(path, find_title([source for kind, source, _ in raw if kind == "markdown"]) or path.stem, cells)


def find_title(texts: Sequence[str]) -> str:
    """The first heading, without the number of a course."""
    found = re.search(r"^#+ +(?:\d+ · )?(.+)$", "\n".join(texts), re.MULTILINE)
    return found[1].strip() if found else ""


def choose_cells(cells: Sequence[Cell], wanted: str) -> list[Cell]:
    """`2,4-6`, in the notebook's order; all without it. The parameters come along."""
    if not wanted:
        return list(cells)
    numbers = {number for part in wanted.split(",") for number in parse_range(part)}
    if unknown := numbers - {cell.number for cell in cells}:
        raise UsageError(f"there is no code cell {min(unknown)}: they are 1 to {len(cells)}", where="--cells")
    return [cell for cell in cells if cell.number in numbers or PARAMETERS in cell.tags]


def parse_range(text: str) -> range:
    found = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", text)
    if not found:
        raise UsageError(f"expected numbers such as 2,4-6, found {text!r}", where="--cells")
    return range(int(found[1]), int(found[2] or found[1]) + 1)


def list_parameters(cells: Sequence[Cell]) -> dict[str, str | int | float]:
    """Name and default of each argument, from the tagged cell."""
    return {name: value for cell in cells if PARAMETERS in cell.tags for name, value in _read_parameters(cell)}


def _read_parameters(cell: Cell) -> list[tuple[str, str | int | float]]:
    found = []
    for line in ast.parse(cell.source).body:
        match line:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if isinstance(default := literal(value), str | int | float):
                found.append((name, default))
            case _:
                words = f'line {line.lineno}: a cell tagged {PARAMETERS} holds lines such as `day = "2024-01-31"`, a text or a number each'
                raise UsageError(words, where=cell.name)
    return found


def literal(value: ast.expr) -> object:
    try:
        found = ast.literal_eval(value)
    except ValueError:
        return None
    return None if isinstance(found, bool) else found
