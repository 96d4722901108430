"""Rows as a table that sorts at a click, and a plot of it, in HTML that needs nothing else. Pure."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any

SHOWN = 1000  # rows that travel to the browser
POINTS, WIDTH, HEIGHT = 200, 640, 220
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd")
# The head's cells sort the body: numbers as numbers, each click the other way round.
SORT = (
    "var b=this.closest('table').tBodies[0],i=this.cellIndex,d=this.d=-(this.d||-1);"
    "var v=function(r){var t=r.cells[i].dataset.v;return t===''||isNaN(t)?t:+t};"
    "Array.from(b.rows).sort(function(x,y){var p=v(x),q=v(y);return d*(p>q?1:p<q?-1:0)}).forEach(function(r){b.appendChild(r)})"
)


@dataclass(frozen=True)
class Rows:
    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    more: bool = False  # than are here

    @property
    def words(self) -> str:
        return f"the first {len(self.rows):,} rows of more" if self.more else f"{len(self.rows):,} row(s)"


def format_text(table: Rows, most: int = 20) -> str:
    lines = [table.columns, *(tuple(map(str, row)) for row in table.rows[:most])]
    widths = [max(len(line[column]) for line in lines) for column in range(len(table.columns))]
    drawn = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([*drawn, table.words])


def format_html(table: Rows) -> str:
    head = "".join(f'<th style="cursor:pointer" title="sort" onclick="{SORT}">{escape(name)}</th>' for name in table.columns)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows)
    box = f'<div style="max-height:24em;overflow:auto"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    plot = draw(table)
    return f"{box}<div>{table.words}</div>" + (f"<details><summary>plot</summary>{plot}</details>" if plot else "")


def _cell(value: Any) -> str:
    text = escape("" if value is None else str(value), quote=True)
    align = "right" if is_number(value) else "left"
    return f'<td data-v="{text}" style="text-align:{align}">{text}</td>'


def is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool) and value == value


def draw(table: Rows) -> str:
    """Lines of the numeric columns over the first one; nothing where there is nothing to see."""
    rows = table.rows[:POINTS]
    numbers = [index for index in range(1, len(table.columns)) if any(is_number(row[index]) for row in rows)][: len(COLOURS)]
    if len(rows) < 2 or not numbers:
        return ""
    values = [float(row[index]) for row in rows for index in numbers if is_number(row[index])]
    low, high = min(0.0, *values), max(0.0, *values)
    lines = (_line(rows, index, colour, low, high) for index, colour in zip(numbers, COLOURS, strict=False))
    names = "".join(
        f'<tspan fill="{colour}">{escape(table.columns[index])}  </tspan>' for index, colour in zip(numbers, COLOURS, strict=False)
    )
    ends = f'<text x="0" y="{HEIGHT + 34}">{escape(str(rows[0][0]))}</text>'
    ends += f'<text x="{WIDTH}" y="{HEIGHT + 34}" text-anchor="end">{escape(str(rows[-1][0]))}</text>'
    scale = f'<text x="0" y="12">{high:,.6g}</text><text x="0" y="{HEIGHT + 16}">{low:,.6g}</text>'
    frame = f'<text x="120" y="12">{names}</text>{scale}{ends}'
    return f'<svg width="{WIDTH}" height="{HEIGHT + 40}" font-size="12" fill="currentColor">{"".join(lines)}{frame}</svg>'


def _line(rows: Sequence[tuple[Any, ...]], index: int, colour: str, low: float, high: float) -> str:
    """Broken where a value is missing."""
    step, span = WIDTH / (len(rows) - 1), (high - low) or 1.0
    points = [(place * step, row[index]) for place, row in enumerate(rows)]
    drawn = []
    for known, part in itertools.groupby(points, lambda point: is_number(point[1])):
        if known:
            path = " ".join(f"{x:.1f},{18 + (HEIGHT - 18) * (1 - (float(y) - low) / span):.1f}" for x, y in part)
            drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return "".join(drawn)
