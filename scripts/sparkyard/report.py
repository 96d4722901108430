"""Chosen runs as one HTML page that needs nothing else: no network, no script, pictures inside."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from sparkyard.summary import RunRecord, format_value

STYLE = """
:root { color-scheme: light dark; --line: #8884; --quiet: #777; --bar: #4878b0 }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
header, section { border-bottom: 1px solid var(--line); padding-bottom: 1.5rem; margin-bottom: 1.5rem }
h1, h2 { line-height: 1.2; margin: 0.5rem 0 }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: 0.2rem 0.9rem 0.2rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
td.number, th.number { text-align: right }
img { max-width: 100%; background: #fff; border-radius: 4px }
pre { white-space: pre-wrap; font: 14px/1.45 ui-monospace, monospace; background: #8881; padding: 0.8rem; border-radius: 4px }
.quiet { color: var(--quiet) } .failed, .lost { color: #c33 } .cancelled { color: #b80 } .succeeded { color: #2a7 }
.bar { display: inline-block; height: 0.7rem; background: var(--bar); border-radius: 2px; min-width: 1px }
"""


class Html(str):
    """Markup of ours: what is not of this kind is escaped."""


@dataclass(frozen=True)
class Page:
    """One run: its record, what its job says it computes, its plot as PNG, or why there is none."""

    record: RunRecord
    definition: str = ""
    plot: bytes = b""
    no_plot: str = ""


def render_report(pages: Sequence[Page], title: str, made: str) -> str:
    listed = _table(["run", "state", "rows read", "rejected", "written", "seconds"], [_listed(page.record) for page in pages])
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title><style>{STYLE}</style>'
    body = f'<header><h1>{escape(title)}</h1><p class="quiet">{len(pages)} run(s) · made {escape(made)}</p>{listed}</header>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}{"".join(map(_section, pages))}</body></html>\n'


def _listed(record: RunRecord) -> list[Any]:
    rows = [record.rows.get(kind) for kind in ("read", "rejected", "written")]
    return [Html(f'<a href="#{escape(record.run_id)}">{escape(record.job)}</a>'), record.state, *rows, record.times.get("total")]


def _section(page: Page) -> str:
    record, summary = page.record, page.record.summary or {}
    parts = [
        f'<h2>{escape(record.job)} <span class="{escape(record.state)}">{escape(record.state)}</span></h2>',
        f'<p class="quiet">{escape(record.run_id)} · {escape(record.place)} · started {escape(record.started)}</p>',
        _cause(record.cause),
        *_titled("Answer", _answer(summary)),
        _plot(page.plot, summary.get("plot") or {}),
        f'<p class="quiet">Plot {escape(page.no_plot)}</p>' if page.no_plot else "",
        *_titled("Facts", _table([], _facts(summary))),
        *_titled("Rejected rows", _rejected(record)),
        *_titled("Time by phase", _times(record.times)),
        *_titled("Tables", _table([], [[name] for name in record.tables])),
        *_titled("Definition", f"<pre>{escape(page.definition)}</pre>" if page.definition else ""),
    ]
    return f'<section id="{escape(record.run_id)}">{"".join(parts)}</section>'


def _titled(title: str, content: str) -> Iterable[str]:
    return (f"<h3>{title}</h3>", content) if content else ()


def _cause(cause: Mapping[str, Any] | None) -> str:
    return f'<p class="failed"><b>{escape(cause["type"])}</b>: {escape(cause["message"])}</p>' if cause else ""


def _answer(summary: Mapping[str, Any]) -> str:
    highlights = summary.get("highlights")
    return _table(highlights[0], highlights[1:]) if highlights else ""


def _facts(summary: Mapping[str, Any]) -> list[list[Any]]:
    facts = [[name.replace("_", " "), value] for name, value in summary.get("facts", {}).items() if name != "rejected_because"]
    return facts + [[name, "holds" if holds else "DOES NOT HOLD"] for name, holds in summary.get("checks", {}).items()]


def _rejected(record: RunRecord) -> str:
    reasons = (record.summary or {}).get("facts", {}).get("rejected_because", {})
    return _table(["reason", "rows"], [[reason, count] for reason, count in reasons.items()]) if record.rows.get("rejected") else ""


def _times(times: Mapping[str, float]) -> str:
    phases = {name: seconds for name, seconds in times.items() if name != "total"}
    longest = max(phases.values(), default=0) or 1
    return _table([], [[name, f"{seconds:.2f} s", _bar(seconds / longest)] for name, seconds in phases.items()])


def _bar(share: float) -> Html:
    return Html(f'<span class="bar" style="width:{30 * share:.2f}rem"></span>')


def _plot(png: bytes, wish: Mapping[str, Any]) -> str:
    if not png:
        return ""
    words = escape(wish.get("caption") or wish.get("title") or "plot", quote=True)
    return f'<p><img alt="{words}" src="data:image/png;base64,{base64.b64encode(png).decode()}"></p>'


def _table(header: Sequence[Any], rows: Sequence[Sequence[Any]]) -> str:
    if not rows:
        return ""
    numeric = [all(isinstance(row[index], int | float) for row in rows) for index in range(len(rows[0]))]
    titles = [str(name).replace("_", " ") for name in header]
    lines = [*([_line("th", titles, numeric)] if titles else []), *(_line("td", row, numeric) for row in rows)]
    return f"<table>{''.join(lines)}</table>"


def _line(tag: str, row: Sequence[Any], numeric: Sequence[bool]) -> str:
    cells = (value if isinstance(value, Html) else escape("" if value is None else format_value(value)) for value in row)
    classes = (' class="number"' if number else "" for number in numeric)
    return f"<tr>{''.join(f'<{tag}{kind}>{cell}</{tag}>' for cell, kind in zip(cells, classes, strict=True))}</tr>"
