"""`sparkyard uninstall`: take the platform away and leave the data."""

from typing import Annotated

import typer

from sparkyard.cli import app
from sparkyard.names import PLATFORM_NAMESPACE

HELP = """Remove the platform's workloads. Data claims, namespaces, their credentials and the CRDs stay, and are named.

\b
  sparkyard uninstall
"""


@app.command(help=HELP)
def uninstall(
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="The platform's own namespace.")] = PLATFORM_NAMESPACE,
    timeout: Annotated[int, typer.Option(help="Seconds until all has to be gone.")] = 300,
) -> None:
    from sparkyard.runs.install import uninstall as run_uninstall

    kept = run_uninstall(namespace, timeout)
    print("removed; kept:", *kept, sep="\n  ")
    print("Next: sparkyard install with the same values takes them up again; kubectl delete namespace removes data for good")
