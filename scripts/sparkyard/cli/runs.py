"""`sparkyard runs` and `sparkyard show`: what ran on this machine."""

import json
from datetime import datetime
from typing import Annotated

import typer

from sparkyard.cli import app
from sparkyard.cli.options import Home, Json

RUNS_HELP = """List past runs of a home, the latest first.

\b
  sparkyard runs
  sparkyard runs --limit 5 --json
"""
SHOW_HELP = """Show one run: by its id, by an unmistakable part of it, or `last`.

\b
  sparkyard show last
  sparkyard show 20260131-0800 --log
"""


@app.command(help=RUNS_HELP)
def runs(home: Home = None, json_: Json = False, limit: Annotated[int, typer.Option(min=1, help="So many at most.")] = 20) -> None:
    from sparkyard.cli.display import make_console, make_table
    from sparkyard.local.home import DEFAULT_HOME
    from sparkyard.local.store import load_records

    records = load_records(home or DEFAULT_HOME)[:limit]
    if json_:
        print(json.dumps([record.to_dict() for record in records], indent=2))
        return
    header = ["run", "state", "started", "seconds", "rows read", "written"]
    rows = [
        [record.run_id, record.state, f"{datetime.fromisoformat(record.started):%Y-%m-%d %H:%M} UTC", record.times.get("total", 0.0)]
        + ["" if count is None else count for count in (record.rows["read"], record.rows["written"])]
        for record in records
    ]
    make_console().print(make_table(header, rows) if rows else f"no runs in {home or DEFAULT_HOME} yet")


@app.command(help=SHOW_HELP)
def show(
    run: Annotated[str, typer.Argument(help="A run's id, part of it, or last.")],
    home: Home = None,
    json_: Json = False,
    log: Annotated[bool, typer.Option("--log", help="Print the log instead.")] = False,
) -> None:
    from pathlib import Path

    from sparkyard.cli.display import show_run
    from sparkyard.local.home import DEFAULT_HOME
    from sparkyard.local.store import load_record

    record = load_record(home or DEFAULT_HOME, run)
    if log:
        print(Path(record.links["log"]).read_text(errors="replace"), end="")
    elif json_:
        print(record.to_json())
    else:
        show_run(record, home or DEFAULT_HOME)
