"""`sparkyard doctor`: what this cluster lacks."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from sparkyard.cli import app
from sparkyard.cli.options import Json
from sparkyard.errors import ClusterError
from sparkyard.names import PLATFORM_NAMESPACE

HELP = """Ask the cluster for what the platform needs of it. With --probe, small pods try whether NetworkPolicies are enforced at all.

Where the platform is installed: has the API server moved since, are the Secrets and ConfigMaps there that the site makes itself?

\b
  sparkyard doctor
  sparkyard doctor --probe --json
"""
SIGNS = {"ok": "[green]✓[/]", "warn": "[yellow]![/]", "fail": "[red]✗[/]"}


@app.command(help=HELP)
def doctor(
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="The platform's own namespace.")] = PLATFORM_NAMESPACE,
    probe: Annotated[bool, typer.Option("--probe", help="Try NetworkPolicies with three pods, in a namespace of their own.")] = False,
    json_: Json = False,
) -> None:
    from rich.console import Console

    from sparkyard.kube import Kube
    from sparkyard.runs.doctor import examine

    console = Console(highlight=False)
    findings = []
    for finding in examine(Kube(), namespace, probe=probe):
        findings.append(finding)
        if not json_:
            console.print(f"{SIGNS[finding.verdict]} {finding.check:<20}{finding.words}", soft_wrap=True)
    if json_:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    failed = [finding.check for finding in findings if finding.verdict == "fail"]
    if failed:
        raise ClusterError(f"not fit for the platform: {', '.join(failed)}")
