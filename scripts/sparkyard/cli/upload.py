"""`sparkyard upload`: files into the cluster's lake."""

from pathlib import Path
from typing import Annotated

import typer

from sparkyard.cli import app

HELP = """Copy files and folders into a bucket of the cluster's lake, byte for byte. No access to its network is needed, only to its API.

\b
  sparkyard upload build/sample/events --to raw/events
  sparkyard upload events.csv --to raw/events
"""


@app.command(help=HELP)
def upload(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders whose files keep their places below them.")],
    to: Annotated[str, typer.Option(help="Bucket and folder, such as raw/events.")],
) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    from sparkyard.kube import Kube
    from sparkyard.runs import cluster_lake

    console = Console(stderr=True)
    with Progress(
        BarColumn(), DownloadColumn(), TransferSpeedColumn(), console=console, transient=True, disable=not console.is_terminal
    ) as bars:
        bar = bars.add_task("upload", total=None)
        keys = cluster_lake.upload(Kube(), paths, to, lambda done, total: bars.update(bar, completed=done, total=total))
    for key in keys[:10]:
        print(f"s3a://{key}")
    if len(keys) > 10:
        print(f"… {len(keys)} files in all")
