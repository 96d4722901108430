"""`sparkyard wait`: follow an application that is already there, however it was submitted."""

from typing import Annotated

import typer

from sparkyard.cli import app
from sparkyard.cli.options import Home, Json
from sparkyard.names import JOBS_NAMESPACE

HELP = """Follow an application to its end, keep its run record, and exit as it did; a finished one is told at once.

\b
  kubectl apply -f manifests/jobs/events-windows.yaml && sparkyard wait events-windows
  sparkyard wait events-windows --json
"""


@app.command(help=HELP)
def wait(
    name: Annotated[str, typer.Argument(help="The application.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n")] = JOBS_NAMESPACE,
    timeout: Annotated[float | None, typer.Option(help="Wait so many seconds at most; the application goes on.")] = None,
    stuck_after: Annotated[float, typer.Option(help="Give up a driver that cannot start for so many seconds.")] = 120,
    log: Annotated[bool, typer.Option(help="Show the driver's log.")] = True,
    home: Home = None,
    json_: Json = False,
) -> None:
    from sparkyard.cli.cluster_follow import follow, interrupted, print_end
    from sparkyard.kube import Kube
    from sparkyard.kube.applications import get_application
    from sparkyard.local.home import DEFAULT_HOME
    from sparkyard.runs.cluster_run import make_record, wait_for_run

    kube, home = Kube(), home or DEFAULT_HOME
    application = get_application(kube, namespace, name)
    record = make_record(kube, application)
    try:
        with follow(log=log) as listener:
            wait_for_run(kube, application, record, home, listener, timeout=timeout, stuck_after=stuck_after)
    except KeyboardInterrupt:
        raise interrupted(kube, application, cancel=False) from None
    print_end(record, home, json_)
