"""The plot that a result asks for, drawn from the table where the reader is."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparkyard import lake, plot
from sparkyard.local.home import cache_dir

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

NO_PLOT = "no plot"  # among a run's links, the reason in place of the file


def draw_plot(home: Path, wish: dict[str, Any], file: Path) -> dict[str, str]:
    """A plot is an extra: what keeps it from being drawn is said, and fails nothing."""
    try:
        why = draw_from(lake.load_catalog(home), wish, file)
    except Exception as error:
        why = _words(error)
    return {NO_PLOT: why} if why else {"plot": str(file)}


def draw_from(catalog: "Catalog", wish: dict[str, Any], file: Path) -> str:
    """What kept it from being drawn; empty when it has been."""
    try:
        _draw(catalog, wish, file)
    except Exception as error:
        return _words(error)
    return ""


def _words(error: Exception) -> str:
    return f"not drawn: {str(error) or type(error).__name__}"


def _draw(catalog: "Catalog", wish: dict[str, Any], file: Path) -> None:
    os.environ.setdefault("MPLCONFIGDIR", str(cache_dir() / "matplotlib"))
    table = lake.load_table(catalog, wish["table"], columns=(wish["x"], *wish["y"]), where=wish.get("where"))
    plot.draw(lake.to_columns(table), wish, file)
