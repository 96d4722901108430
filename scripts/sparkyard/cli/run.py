"""`sparkyard run`: a manifest on this machine."""

import json
import signal
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from sparkyard.cli import app
from sparkyard.cli.options import Home, Json
from sparkyard.errors import YardError

EXAMPLES = """Run a SparkApplication manifest on this machine, with a lake of its own in --home.

What the job itself shall be told comes after `--`, behind the manifest's own arguments, and wins.

\b
  sparkyard run manifests/jobs/hello-hello.yaml
  sparkyard run manifests/jobs/events-windows.yaml -- --top 5 --by total
  sparkyard run manifests/jobs/events-windows.yaml --executors 2 --json
"""


@app.command(help=EXAMPLES)
def run(
    manifest: Annotated[Path, typer.Argument(help="The manifest, as kubectl would take it.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="Further arguments for the job, after --.")] = None,
    home: Home = None,
    json_: Json = False,
    cores: Annotated[int | None, typer.Option(min=1, help="Cores to use; as the manifest says, if this machine has them.")] = None,
    executors: Annotated[int | None, typer.Option(min=1, help="So many executor processes instead of threads in one.")] = None,
) -> None:
    from sparkyard.cli.display import show_run
    from sparkyard.cli.follow import follow
    from sparkyard.local.home import DEFAULT_HOME
    from sparkyard.runs.local_run import LocalRequest, run_local
    from sparkyard.summary import error_from_cause

    signal.signal(signal.SIGTERM, _interrupt)
    request = LocalRequest(manifest, home or DEFAULT_HOME, arguments or [], cores, executors)
    try:
        with follow() as watcher:
            record = run_local(request, watcher)
    except YardError as error:
        if json_:
            print(json.dumps({"run_id": None, "manifest": str(manifest), "state": "failed", "cause": _cause(error)}, indent=2))
        raise
    if json_:
        print(record.to_json())
    if record.cause:
        raise error_from_cause(record.cause, where=record.job, log=record.links["log"])
    if not json_:
        show_run(record, request.home)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """A polite request to end is what Ctrl-C is."""
    raise KeyboardInterrupt


def _cause(error: YardError) -> dict[str, object]:
    from sparkyard.summary import cause_to_dict

    return cause_to_dict(error)
