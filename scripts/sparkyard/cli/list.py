"""`sparkyard list`: the applications on the cluster."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from sparkyard.cli import app
from sparkyard.cli.options import Json

HELP = """List the cluster's applications, the newest first.

\b
  sparkyard list
  sparkyard list -n spark-jobs --json
"""


@app.command("list", help=HELP)
def list_(
    namespace: Annotated[str | None, typer.Option("--namespace", "-n", help="Only this one.", show_default="all")] = None,
    json_: Json = False,
) -> None:
    from rich.console import Console

    from sparkyard.cli.display import make_table
    from sparkyard.kube import Kube
    from sparkyard.kube.applications import list_applications

    rows = [make_row(application) for application in list_applications(Kube(), namespace)]
    if json_:
        print(json.dumps(rows, indent=2))
    elif rows:
        Console(highlight=False).print(make_table(list(rows[0]), [[str(value) for value in row.values()] for row in rows]))
    else:
        print(f"no applications in {namespace or 'any namespace'}\nNext: sparkyard submit manifests/jobs/hello-hello.yaml --wait")


def make_row(application: dict[str, Any]) -> dict[str, Any]:
    from sparkyard.kube.explain import application_state

    meta, status = application["metadata"], application.get("status", {})
    executors = list(status.get("executorState", {}).values())
    return {
        "namespace": meta["namespace"],
        "name": meta["name"],
        "state": application_state(application),
        "executors": f"{executors.count('RUNNING')} running of {len(executors)}",
        "age": _age(meta["creationTimestamp"]),
        "message": _last_line(status.get("applicationState", {}).get("errorMessage", "")),
    }


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


def _age(created: str) -> str:
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(created)).total_seconds())
    size, unit = next((pair for pair in ((86400, "d"), (3600, "h"), (60, "m")) if seconds >= 2 * pair[0]), (1, "s"))
    return f"{seconds // size}{unit}"
