"""`sparkyard report`: chosen runs as one HTML file."""

from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from sparkyard.cli import app
from sparkyard.cli.options import Home

HELP = """Write one HTML file about chosen runs: answers, plots, rejected rows, times, definitions. It opens without a network.

\b
  sparkyard report                                    the latest run of each job
  sparkyard report events-windows last --out it.html  a job's latest run, the latest run of all
  sparkyard report --cluster                          plots from the cluster's tables
"""


@app.command(help=HELP)
def report(
    runs: Annotated[list[str] | None, typer.Argument(help="Jobs, or runs by id, part of it, or last.")] = None,
    home: Home = None,
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("build/report.html"),
    title: Annotated[str, typer.Option(help="What stands above it.")] = "Sparkyard report",
    cluster: Annotated[bool, typer.Option("--cluster", help="Draw the plots of runs on the cluster from its tables.")] = False,
) -> None:
    from sparkyard.cli.table import open_catalog
    from sparkyard.local.home import DEFAULT_HOME
    from sparkyard.report import render_report
    from sparkyard.runs.report import choose_records, make_page

    records = choose_records(home or DEFAULT_HOME, runs or [])
    with open_catalog(home, cluster) if cluster else nullcontext() as catalog:
        pages = [make_page(record, catalog) for record in records]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(render_report(pages, title, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"), encoding="utf-8")
    print(f"{out}: {len(pages)} run(s)")
