"""`sparkyard install`: the platform onto a cluster, or its upgrade."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparkyard.cli import app
from sparkyard.errors import TimedOut
from sparkyard.names import PLATFORM_NAMESPACE

if TYPE_CHECKING:
    from sparkyard.runs.install import Report

HELP = """Install the platform, or upgrade it to what lies here: CRDs, then the charts, then wait until all is ready.

Running it again with the same arguments is harmless; after any edit it really deploys the edit. Running jobs are left alone.
Values that the site was given earlier are never lost silently: without them it refuses, and --reuse-values keeps them.

\b
  sparkyard install --preset small-node
  sparkyard install --preset small-node --preset everything      notebooks and Airflow there, too
  sparkyard install --values site.yaml --set lake.enabled=false
  sparkyard install --reuse-values --set global.notebooks.enabled=true
"""


@app.command(help=HELP)
def install(
    values: Annotated[list[Path] | None, typer.Option("--values", "-f", help="A file of values; a later one wins.")] = None,
    presets: Annotated[list[str] | None, typer.Option("--preset", help="Values that come with the chart, such as small-node.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="One value, as key.of.value=value.")] = None,
    reuse: Annotated[bool, typer.Option("--reuse-values", help="Values given earlier stay; those of now win over them.")] = False,
    forget: Annotated[bool, typer.Option("--forget-values", help="Values given earlier and not now go back to the defaults.")] = False,
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="The platform's own namespace.")] = PLATFORM_NAMESPACE,
    timeout: Annotated[int, typer.Option(help="Seconds until all has to be ready.")] = 600,
) -> None:
    from rich.console import Console

    from sparkyard.runs.install import install as run_install
    from sparkyard.runs.values import InstallRequest

    console = Console(stderr=True, highlight=False)
    request = InstallRequest(values or [], presets or [], settings or [], namespace, timeout, reuse, forget)
    with console.status("installing …"):
        report = run_install(request, lambda line: console.print(line, markup=False, soft_wrap=True))
    _print_report(report, namespace, timeout)


def _print_report(report: "Report", namespace: str, timeout: int) -> None:
    print(f"\n{len(report.ready)} workloads ready")
    if report.waiting:
        words = "\n".join(f"  {title}: {why}" for title, why in report.waiting.items())
        raise TimedOut(
            f"{len(report.waiting)} not ready after {timeout} s\n{words}",
            where=f"namespace {namespace}",
            next_command=f"kubectl get pods,events -n {namespace}",
        )
    print(f"\n{report.notes}")
    if report.new_logins:
        print("\nNew passwords, shown this once; each stays in its Secret, as said above:")
        for login in sorted(report.new_logins):
            print(f"  {login.where:<12}{login.person:<12}{login.password}")
