"""What Airflow itself loads of ours: pages with reports, and a scheduler from which a task need not import everything again."""

import sys
from importlib import import_module
from typing import Any

from airflow.listeners import hookimpl
from airflow.sdk.plugins_manager import AirflowPlugin

from sparkyard.airflow.links import REPORTS

OF_EVERY_TASK = ("sparkyard.airflow.trigger", "sparkyard.runs.attempt", "sparkyard.runs.cluster_run", "sparkyard.runs.meter")


@hookimpl
def on_starting(component: Any) -> None:
    """Tasks are forks of the scheduler. The client of Kubernetes alone takes a second or two to import, before and after each job."""
    if sys.argv[1:2] == ["scheduler"]:  # the component does not know yet what it is
        for module in OF_EVERY_TASK:
            import_module(module)


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Every process of Airflow loads its plugins, and one of them serves pages: what that takes is made at its first question."""
    from sparkyard.airflow.report import make_pages

    await make_pages()(scope, receive, send)


class SparkyardPlugin(AirflowPlugin):
    name = "sparkyard"
    fastapi_apps = ({"app": answer, "url_prefix": REPORTS, "name": "Sparkyard's reports"},)
    listeners = (sys.modules[__name__],)
