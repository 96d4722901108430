"""`sparkyard cancel`: stop an application, and keep it to look at."""

from typing import Annotated

import typer

from sparkyard.cli import app
from sparkyard.names import JOBS_NAMESPACE

HELP = """Stop an application: its pods end, the application itself stays as SUSPENDED. A finished one is left alone.

\b
  sparkyard cancel events-windows
"""


@app.command(help=HELP)
def cancel(
    name: Annotated[str, typer.Argument(help="The application.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n")] = JOBS_NAMESPACE,
) -> None:
    from sparkyard.kube import Kube
    from sparkyard.kube.explain import FINAL_STATES, STOPPED_STATES
    from sparkyard.runs.cluster_run import cancel_application

    state = cancel_application(Kube(), namespace, name)
    over = state in (*FINAL_STATES, *STOPPED_STATES)
    print(f"{namespace}/{name} was already {state}" if over else f"{namespace}/{name} is being stopped (it was {state})")
    print(f"Next: sparkyard delete {name} -n {namespace}")
