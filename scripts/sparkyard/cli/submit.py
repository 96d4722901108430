"""`sparkyard submit`: a manifest on the cluster."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparkyard.cli import app
from sparkyard.cli.options import Home, Json
from sparkyard.errors import YardError

if TYPE_CHECKING:
    from sparkyard.summary import RunRecord

HELP = """Submit a SparkApplication manifest to the cluster; with --wait follow it to its end and exit as it did.

What the job itself shall be told comes after `--`, behind the manifest's own arguments, and wins.

\b
  sparkyard submit manifests/jobs/hello-hello.yaml --wait
  sparkyard submit manifests/jobs/events-windows.yaml --name events-top5 --wait -- --top 5
  sparkyard submit manifests/jobs/events-windows.yaml --wait --timeout 600 --json
"""


@app.command(help=HELP)
def submit(  # noqa: PLR0913  (a parameter an option)
    manifest: Annotated[Path, typer.Argument(help="The manifest, as kubectl would take it.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="Further arguments for the job, after --.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it to its end, and exit as it did.")] = False,
    name: Annotated[str, typer.Option(help="Another name than the manifest's.")] = "",
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Another namespace than the manifest's.")] = "",
    timeout: Annotated[float | None, typer.Option(help="Wait so many seconds at most; the application goes on.")] = None,
    stuck_after: Annotated[float, typer.Option(help="Give up a driver that cannot start for so many seconds.")] = 120,
    cancel_on_interrupt: Annotated[bool, typer.Option("--cancel-on-interrupt", help="Ctrl-C cancels it, without a question.")] = False,
    follow_running: Annotated[bool, typer.Option("--follow-running", help="One of this name that runs is followed, not refused.")] = False,
    log: Annotated[bool, typer.Option(help="Show the driver's log.")] = True,
    home: Home = None,
    json_: Json = False,
) -> None:
    from sparkyard.cli.cluster_follow import follow, interrupted, print_end
    from sparkyard.kube import Kube
    from sparkyard.local.home import DEFAULT_HOME
    from sparkyard.runs import cluster_run

    request = cluster_run.ClusterRequest(manifest, home or DEFAULT_HOME, arguments or [], name, namespace, follow_running)
    kube = Kube()
    try:
        application, record = cluster_run.submit(kube, request)
    except YardError as error:
        _print_failure(error, manifest, json_)
        raise
    if not wait:
        return _print_submitted(application, record, json_)
    try:
        with follow(log=log) as listener:
            cluster_run.wait_for_run(kube, application, record, request.home, listener, timeout=timeout, stuck_after=stuck_after)
    except KeyboardInterrupt:
        raise interrupted(kube, application, cancel_on_interrupt) from None
    print_end(record, request.home, json_)


def _print_submitted(application: dict[str, Any], record: "RunRecord", json_: bool) -> None:
    name, namespace = application["metadata"]["name"], application["metadata"]["namespace"]
    if json_:
        print(record.to_json())
    else:
        print(f"{namespace}/{name} submitted as run {record.run_id}\nNext: sparkyard logs {name} -n {namespace} -f")


def _print_failure(error: YardError, manifest: Path, json_: bool) -> None:
    from sparkyard.summary import cause_to_dict

    if json_:
        print(json.dumps({"run_id": None, "manifest": str(manifest), "state": "failed", "cause": cause_to_dict(error)}, indent=2))
