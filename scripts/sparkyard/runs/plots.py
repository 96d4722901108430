"""The plot that a result asks for, drawn from the table where the reader is."""

import os
from pathlib import Path
from typing import Any

from sparkyard import lake, plot
from sparkyard.local.home import cache_dir


def draw_plot(home: Path, wish: dict[str, Any], file: Path) -> dict[str, str]:
    """A plot is an extra: what keeps it from being drawn is said, and fails nothing."""
    os.environ.setdefault("MPLCONFIGDIR", str(cache_dir() / "matplotlib"))
    try:
        table = lake.load_table(lake.load_catalog(home), wish["table"], columns=(wish["x"], *wish["y"]))
        plot.draw(lake.to_columns(table), wish, file)
    except Exception as error:
        return {"plot": f"not drawn: {error}"}
    return {"plot": str(file)}
