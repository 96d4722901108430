"""`sparkyard open`: the Spark UI of a running application in the browser, the History Server with ended ones, JupyterHub, or Airflow."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from sparkyard.cli import app
from sparkyard.errors import ClusterError
from sparkyard.names import AIRFLOW_SERVICE, HISTORY_SERVICE, JOBS_NAMESPACE, JUPYTER_SERVICE, PLATFORM_NAMESPACE

if TYPE_CHECKING:
    from sparkyard.kube import Kube

HISTORY = "history"  # no application's name: those have a domain
# what is opened by a word of its own: Service, port, for people, and the value that switches it on
PARTS = {
    HISTORY: (HISTORY_SERVICE, 18080, "the History Server", "history.enabled"),
    "jupyter": (JUPYTER_SERVICE, 8000, "JupyterHub", "global.notebooks.enabled"),
    "airflow": (AIRFLOW_SERVICE, 8080, "Airflow", "airflow.enabled"),
}
HELP = """Lead a local port to the Spark UI of a running application, the history of ended ones, JupyterHub, or Airflow, until Ctrl-C.

\b
  sparkyard open events-windows
  sparkyard open history
  sparkyard open jupyter
  sparkyard open airflow
"""


@app.command("open", help=HELP)
def open_(
    name: Annotated[str, typer.Argument(help="The application, or history, jupyter, airflow.")],
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help=f"Of the application: {JOBS_NAMESPACE}; of a part: {PLATFORM_NAMESPACE}.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the browser too.")] = True,
) -> None:
    from sparkyard.kube import Kube

    part, space = PARTS.get(name), namespace or (PLATFORM_NAMESPACE if name in PARTS else JOBS_NAMESPACE)
    what = part[2] if part else f"the Spark UI of {space}/{name}"
    with open_part(Kube(), space, name) if part else open_driver(Kube(), space, name) as port:
        print(f"http://127.0.0.1:{port}/ leads to {what}; Ctrl-C ends it", flush=True)
        if browser:
            typer.launch(f"http://127.0.0.1:{port}/")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


@contextmanager
def open_part(kube: "Kube", namespace: str, name: str) -> Iterator[int]:
    from sparkyard.kube import forward

    service, own_port, words, switch = PARTS[name]
    if kube.find(f"/api/v1/namespaces/{namespace}/services/{service}") is None:
        raise ClusterError("is not installed", where=words, next_command=f"sparkyard install --reuse-values --set {switch}=true")
    with forward(kube, namespace, service=service, port=own_port) as port:
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
