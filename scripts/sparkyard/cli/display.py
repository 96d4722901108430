"""A run as a person likes to read it."""

import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sparkyard.cli import program
from sparkyard.local.home import DEFAULT_HOME
from sparkyard.summary import RunRecord, format_value

STATES = {"succeeded": "green", "failed": "red", "cancelled": "yellow", "lost": "red", "running": "blue"}


def make_console() -> Console:
    """As wide as the terminal; where there is none, wide enough that nothing is folded."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 200)


def show_run(record: RunRecord, home: Path) -> None:
    console = make_console()
    summary = record.summary or {}
    console.print(f"\n[bold {STATES.get(record.state, '')}]{record.job} {record.state}[/] in {record.times.get('total', 0):.1f} s")
    facts = Table.grid(padding=(0, 2))
    for name, text in _facts(record, summary):
        facts.add_row(f"  {name}", text)
    console.print(facts)
    if highlights := summary.get("highlights"):
        console.print(make_table(highlights[0], highlights[1:]))
    if tie := summary.get("facts", {}).get("tie"):
        console.print(f"  {tie}", style="dim")
    _print_links(console, record, home)


def _facts(record: RunRecord, summary: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [("run", record.run_id)]
    if record.rows["read"] is not None:
        rows.append(("rows", "{read:,} read, {rejected:,} rejected, {written:,} written".format(**record.rows)))
    told = {key: value for key, value in summary.get("facts", {}).items() if key != "tie"}
    rows += [(key.replace("_", " "), format_value(value)) for key, value in told.items()]
    rows += [("check", f"{name}: {'yes' if holds else 'NO'}") for name, holds in summary.get("checks", {}).items()]
    return [*rows, ("time", ", ".join(f"{name} {seconds:.1f} s" for name, seconds in record.times.items() if seconds >= 0.05))]


def _print_links(console: Console, record: RunRecord, home: Path) -> None:
    links = Table.grid(padding=(0, 2))
    for table in record.tables:
        links.add_row("  table", table)
    for name, link in record.links.items():
        links.add_row(f"  {name}", _near(link))
    console.print(links)
    if record.cause:
        console.print(f"  [red]{record.cause['type']}[/]: {record.cause['message']}")
    elif record.place == "local" and record.state == "succeeded":
        console.print("\nNext:", *_next_commands(record, "" if home == DEFAULT_HOME else f" --home {home}"), sep="\n  ", style="dim")


def _next_commands(record: RunRecord, option: str) -> list[str]:
    table = ((record.summary or {}).get("plot") or {}).get("table") or (record.tables[0] if record.tables else "")
    yard = program()
    show = [f"{yard} table {table} --limit 20{option}"] if table else []
    return [*show, f"{yard} show {record.run_id}{option}", f"{yard} run {record.manifest}{option} -- --help"]


def _near(link: str) -> str:
    """A path as one would type it here."""
    path = Path(link)
    return str(path.relative_to(Path.cwd())) if path.is_absolute() and path.is_relative_to(Path.cwd()) else link


def make_table(header: list[Any], rows: list[list[Any]]) -> Table:
    table = Table(header_style="bold", border_style="dim")
    for column, name in enumerate(header):
        numeric = bool(rows) and isinstance(rows[0][column], int | float)
        table.add_column(str(name).replace("_", " "), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(format_value(value) for value in row))
    return table
