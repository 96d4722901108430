"""`sparkyard delete`: take an application away, running or not."""

from typing import Annotated

import typer

from sparkyard.cli import app
from sparkyard.errors import ClusterError
from sparkyard.names import JOBS_NAMESPACE

HELP = """Delete applications with all their pods. Tables and run records stay.

\b
  sparkyard delete events-windows
  sparkyard delete hello-hello events-windows -n spark-jobs
"""


@app.command(help=HELP)
def delete(
    names: Annotated[list[str], typer.Argument(help="The applications.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n")] = JOBS_NAMESPACE,
) -> None:
    from sparkyard.kube import Kube
    from sparkyard.kube.applications import delete_application

    kube = Kube()
    missing = [name for name in names if not delete_application(kube, namespace, name)]
    print("\n".join(f"{namespace}/{name} deleted" for name in names if name not in missing))
    if missing:
        raise ClusterError("there is no such application", where=f"{namespace}/{', '.join(missing)}", next_command="sparkyard list")
