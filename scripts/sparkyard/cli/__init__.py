"""The command `sparkyard`: one file a verb; words for humans and exit codes live here, decisions do not."""

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from sparkyard.errors import YardError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
shown = {"tracebacks": False}


@app.callback()
def options(verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show tracebacks: sparkyard -v run …")] = False) -> None:
    """Spark on Kubernetes, and on this machine, without becoming a Spark-on-Kubernetes expert."""
    shown["tracebacks"] = verbose


def main() -> None:
    from sparkyard.cli import commands  # noqa: F401  (registers every verb)

    try:
        app()
    except Exception as error:
        if shown["tracebacks"]:
            raise
        print(f"sparkyard: {describe(error)}", file=sys.stderr)
        sys.exit(error.exit_code if isinstance(error, YardError) else 1)


def describe(error: Exception) -> str:
    if isinstance(error, YardError):
        return str(error).replace("\nNext: sparkyard ", f"\nNext: {program()} ")
    words = " ".join(sys.argv[1:])
    return f"a mistake of ours, not of yours: {type(error).__name__}: {error}\nNext: {program()} -v {words}"


def program() -> str:
    """How this command is typed here: by its name if the shell finds it, else as it was typed."""
    typed = Path(sys.argv[0])
    if shutil.which("sparkyard"):
        return "sparkyard"
    return str(typed.relative_to(Path.cwd())) if typed.is_relative_to(Path.cwd()) else str(typed)
