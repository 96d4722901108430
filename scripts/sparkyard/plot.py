"""A result's declarative plot (table, kind, x, y, title, caption) as a PNG file."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def draw(columns: Mapping[str, Sequence[Any]], wish: Mapping[str, Any], file: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    order = sorted(range(len(columns[wish["x"]])), key=lambda i: columns[wish["x"]][i])
    x = [columns[wish["x"]][i] for i in order]
    figure = Figure(figsize=(11, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for name in wish["y"]:
        values = [columns[name][i] for i in order]
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


def _words(name: str) -> str:
    return name.replace("_", " ")
