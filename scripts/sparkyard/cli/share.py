"""`sparkyard share test`: what a Windows share can do from where jobs run, in plain words."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from sparkyard.cli import app
from sparkyard.cli.options import Json
from sparkyard.errors import InputError
from sparkyard.names import JOBS_NAMESPACE

HELP = """Look after the platform's Windows shares.

\b
  sparkyard share test sales
"""
TEST_HELP = """Try a share from a pod like a job's: list, read, write where it may, rename, delete, letters, locks, free space, speed.

\b
  sparkyard share test sales
  sparkyard share test sales --namespace team-b --json
"""
share = typer.Typer(no_args_is_help=True, help=HELP)
app.add_typer(share, name="share")


@share.callback()
def options() -> None:
    """With one verb only, typer would else do without its name."""


@share.command("test", help=TEST_HELP)
def try_out(
    name: Annotated[str, typer.Argument(help="The share's name in global.shares.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="A job namespace that has its claim.")] = JOBS_NAMESPACE,
    json_: Json = False,
) -> None:
    from sparkyard.cli.check import load_platform
    from sparkyard.cli.display import make_console
    from sparkyard.cli.doctor import SIGNS
    from sparkyard.kube import Kube
    from sparkyard.runs.share import probe_share

    findings = probe_share(Kube(), load_platform(None, cluster=True), namespace, name)
    if json_:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        console = make_console()
        for finding in findings:
            console.print(f"{SIGNS[finding.verdict]} {finding.check:<9}{finding.words}", soft_wrap=True)
            if finding.change:
                console.print(f"            change: {finding.change}", soft_wrap=True)
    failed = [finding for finding in findings if finding.verdict == "fail"]
    if failed:
        raise InputError(failed[0].words, where=f"share {name}", next_command=f"{failed[0].change}, then sparkyard share test {name}")
