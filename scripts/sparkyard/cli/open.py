"""`sparkyard open`: a running application's Spark UI in the browser."""

import threading
from typing import Annotated

import typer

from sparkyard.cli import app
from sparkyard.errors import ClusterError
from sparkyard.names import JOBS_NAMESPACE

HELP = """Lead a local port to the Spark UI of a running application, until Ctrl-C.

\b
  sparkyard open events-windows
"""


@app.command("open", help=HELP)
def open_(
    name: Annotated[str, typer.Argument(help="The application.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n")] = JOBS_NAMESPACE,
    browser: Annotated[bool, typer.Option(help="Open the browser too.")] = True,
) -> None:
    from sparkyard.kube import Kube, forward
    from sparkyard.kube.applications import UI_PORT, get_application, get_driver
    from sparkyard.kube.explain import application_state

    kube = Kube()
    application = get_application(kube, namespace, name)
    driver = get_driver(kube, application)
    if driver is None or driver["status"].get("phase") != "Running":
        state = application_state(application)
        raise ClusterError(f"is {state}: its interface lives only as long as its driver runs", where=f"{namespace}/{name}")
    with forward(kube, namespace, port=UI_PORT, pod=driver["metadata"]["name"]) as port:
        print(f"http://127.0.0.1:{port}/ leads to the Spark UI of {namespace}/{name}; Ctrl-C ends it", flush=True)
        if browser:
            typer.launch(f"http://127.0.0.1:{port}/")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return
