"""`sparkyard open`: a running application's Spark UI in the browser, or the History Server with those that have ended."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from sparkyard.cli import app
from sparkyard.errors import ClusterError
from sparkyard.names import HISTORY_SERVICE, JOBS_NAMESPACE, PLATFORM_NAMESPACE

if TYPE_CHECKING:
    from sparkyard.kube import Kube

HISTORY = "history"  # no application's name: those have a domain
HISTORY_PORT = 18080
HELP = """Lead a local port to the Spark UI of a running application, or to the history of ended ones, until Ctrl-C.

\b
  sparkyard open events-windows
  sparkyard open history
"""


@app.command("open", help=HELP)
def open_(
    name: Annotated[str, typer.Argument(help="The application, or history.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n")] = JOBS_NAMESPACE,
    browser: Annotated[bool, typer.Option(help="Open the browser too.")] = True,
) -> None:
    from sparkyard.kube import Kube

    what = "the History Server" if name == HISTORY else f"the Spark UI of {namespace}/{name}"
    with open_history(Kube()) if name == HISTORY else open_driver(Kube(), namespace, name) as port:
        print(f"http://127.0.0.1:{port}/ leads to {what}; Ctrl-C ends it", flush=True)
        if browser:
            typer.launch(f"http://127.0.0.1:{port}/")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


@contextmanager
def open_history(kube: "Kube") -> Iterator[int]:
    from sparkyard.kube import forward

    if kube.find(f"/api/v1/namespaces/{PLATFORM_NAMESPACE}/services/{HISTORY_SERVICE}") is None:
        raise ClusterError("is not installed", where="the History Server", next_command="sparkyard install --set history.enabled=true")
    with forward(kube, PLATFORM_NAMESPACE, service=HISTORY_SERVICE, port=HISTORY_PORT) as port:
        yield port


@contextmanager
def open_driver(kube: "Kube", namespace: str, name: str) -> Iterator[int]:
    from sparkyard.kube import forward
    from sparkyard.kube.applications import UI_PORT, get_application, get_driver
    from sparkyard.kube.explain import application_state

    application = get_application(kube, namespace, name)
    driver = get_driver(kube, application)
    if driver is None or driver["status"].get("phase") != "Running":
        raise ClusterError(
            f"is {application_state(application)}: its interface lives only as long as its driver runs",
            where=f"{namespace}/{name}",
            next_command=f"sparkyard open {HISTORY}",
        )
    with forward(kube, namespace, port=UI_PORT, pod=driver["metadata"]["name"]) as port:
        yield port
