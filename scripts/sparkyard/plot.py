"""A result's declarative plot (table, kind, x, y, title, caption) as a PNG file."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def draw(columns: Mapping[str, Sequence[Any]], wish: Mapping[str, Any], file: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    places = columns[wish["x"]]
    order = sorted((i for i, place in enumerate(places) if not _is_missing(place)), key=places.__getitem__)
    x = [places[i] for i in order]
    figure = Figure(figsize=(11, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for name in wish["y"]:
        values = [math.nan if columns[name][i] is None else columns[name][i] for i in order]
        if wish.get("kind") == "bar":
            axes.bar([str(value) for value in x], values, label=_words(name))
        elif wish.get("kind") == "scatter":
            axes.scatter(x, values, s=8, label=_words(name))
        else:
            axes.plot(x, values, linewidth=1, label=_words(name))
    axes.set_title(wish.get("title", wish["table"]), loc="left", fontweight="bold")
    axes.set_xlabel(_words(wish["x"]))
    axes.set_axisbelow(True)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=len(wish["y"]))
    figure.supxlabel(textwrap.fill(wish.get("caption", ""), 140), fontsize=8, color="dimgray")
    figure.autofmt_xdate(rotation=20)
    figure.savefig(file, dpi=110)


def _is_missing(place: Any) -> bool:
    """A row without a place on the x axis cannot be drawn."""
    return place is None or (isinstance(place, float) and math.isnan(place))


def _words(name: str) -> str:
    return name.replace("_", " ")
