"""`sparkyard logs`: what the driver or an executor says."""

import threading
from typing import Annotated, Any

import typer

from sparkyard.cli import app
from sparkyard.errors import ClusterError
from sparkyard.names import JOBS_NAMESPACE

HELP = """Print the log of an application's driver, or of one of its executors.

\b
  sparkyard logs events-windows
  sparkyard logs events-windows -f
  sparkyard logs events-windows --executor 1 --tail 100
"""


@app.command(help=HELP)
def logs(
    name: Annotated[str, typer.Argument(help="The application.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n")] = JOBS_NAMESPACE,
    executor: Annotated[int | None, typer.Option(min=1, help="This executor's instead of the driver's.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until it ends.")] = False,
    tail: Annotated[int | None, typer.Option(min=1, help="Only the last so many lines.")] = None,
) -> None:
    from sparkyard.kube import Kube
    from sparkyard.kube.applications import get_application, get_driver
    from sparkyard.kube.logs import follow_driver_log

    kube = Kube()
    application = get_application(kube, namespace, name)
    if follow and executor is None:
        stop = threading.Event()
        threading.Thread(target=_stop_at_end, args=(kube, namespace, name, stop), daemon=True).start()
        for line in follow_driver_log(kube, application, stop):
            print(line, flush=True)
        return
    pod = get_driver(kube, application) if executor is None else _find_executor(kube, application, executor)
    if pod is None:
        raise ClusterError("its pod is gone, or not yet there", where=f"{namespace}/{name}", next_command=f"sparkyard list -n {namespace}")
    query = {"container": pod["spec"]["containers"][0]["name"], "follow": follow} | ({"tailLines": tail} if tail else {})
    for line in kube.lines(f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}/log", **query):
        print(line, flush=True)


def _find_executor(kube: Any, application: dict[str, Any], number: int) -> dict[str, Any] | None:
    from sparkyard.kube.applications import list_executors

    pods = list_executors(kube, application)
    return next((pod for pod in pods if pod["metadata"]["labels"].get("spark-exec-id") == str(number)), None)


def _stop_at_end(kube: Any, namespace: str, name: str, stop: threading.Event) -> None:
    from sparkyard.kube import Gone, watch_object
    from sparkyard.kube.applications import applications_path
    from sparkyard.kube.explain import FINAL_STATES, application_state

    try:
        for application in watch_object(kube, applications_path(namespace), name):
            if application_state(application) in (*FINAL_STATES, "SUSPENDED"):
                break
    except Gone:
        pass
    stop.wait(1)  # the last lines
    stop.set()
