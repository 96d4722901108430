"""`sparkyard sql`: a question in SQL about the tables of a lake; without a JVM, or by Spark for what is too large."""

import secrets
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparkyard.cli import app
from sparkyard.cli.options import Home, Json
from sparkyard.cli.table import Format, open_catalog, print_rows
from sparkyard.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa


SHOWN = 100  # rows for people


class Engine(StrEnum):
    duckdb = "duckdb"
    spark = "spark"


HELP = """Ask the tables of a lake in SQL, this machine's or with --cluster the cluster's. `sparkyard table` tells which there are.

DuckDB answers here, from the current files and without Spark. What this machine cannot hold Spark answers, as the job sql-query.

\b
  sparkyard sql "select count(*) from refined.events_windows"
  sparkyard sql "describe refined.events_windows"
  sparkyard sql "from refined.events_windows order by total desc limit 5" --format csv
  sparkyard sql - --json < question.sql
  sparkyard sql "select action, count(*) from trusted.events_windows_events group by 1" --engine spark
"""


@app.command(help=HELP)
def sql(
    query: Annotated[str, typer.Argument(help="One query, - for stdin; tables are yard.<layer>.<name>, yard. may be left out.")],
    home: Home = None,
    format_: Annotated[Format, typer.Option("--format", help="For people, or for programs.")] = Format.table,
    cluster: Annotated[bool, typer.Option("--cluster", help="Ask the cluster's lake instead of the local one.")] = False,
    engine: Annotated[Engine, typer.Option(help="Who answers.")] = Engine.duckdb,
    json_: Json = False,
) -> None:
    query = sys.stdin.read() if query == "-" else query
    if engine is Engine.spark:
        rows = _ask_spark(query, home, cluster)
    else:
        from sparkyard.sql import run_query

        with open_catalog(home, cluster) as catalog:
            rows = run_query(catalog, query)
    _show(rows, Format.json if json_ else format_)


def _show(rows: "pa.Table", format_: Format) -> None:
    from sparkyard.cli.display import make_console

    print_rows(rows.slice(0, SHOWN) if format_ is Format.table else rows, format_)
    if format_ is Format.table and rows.num_rows > SHOWN:
        make_console().print(f"{SHOWN} of {rows.num_rows:,} rows; --format csv writes all", style="dim")


def _ask_spark(query: str, home: Path | None, cluster: bool) -> "pa.Table":
    """The job leaves its answer as a table, which is read and dropped."""
    from sparkyard.local.home import DEFAULT_HOME
    from sparkyard.project import ROOT
    from sparkyard.sql import check_reads, take_answer

    check_reads(query)
    name = f"sql-query-{secrets.token_hex(4)}"
    table = f"yard.scratch.{name.replace('-', '_')}"
    manifest, arguments = ROOT / "manifests/jobs/sql-query.yaml", ["--query", query, "--to", table]
    try:
        if cluster:
            _run_on_cluster(manifest, name, home or DEFAULT_HOME, arguments)
        else:
            _run_here(manifest, home or DEFAULT_HOME, arguments)
    except UsageError as error:
        raise _explain(error, home, cluster) from None
    with open_catalog(home, cluster) as catalog:
        return take_answer(catalog, table)


def _explain(error: UsageError, home: Path | None, cluster: bool) -> UsageError:
    from sparkyard.lake import list_tables
    from sparkyard.sql import explain

    with open_catalog(home, cluster) as catalog:
        return explain(error.what, list_tables(catalog))


def _run_here(manifest: Path, home: Path, arguments: list[str]) -> None:
    from sparkyard.cli.follow import follow
    from sparkyard.runs.local_run import LocalRequest, run_local
    from sparkyard.summary import error_from_cause

    with follow() as watcher:
        record = run_local(LocalRequest(manifest, home, arguments), watcher)
    if record.cause:
        raise error_from_cause(record.cause, where=record.job, log=record.links["log"])


def _run_on_cluster(manifest: Path, name: str, home: Path, arguments: list[str]) -> None:
    from sparkyard.cli.cluster_follow import follow, interrupted
    from sparkyard.kube import Kube
    from sparkyard.runs import cluster_run
    from sparkyard.summary import error_from_cause

    kube = Kube()
    application, record = cluster_run.submit(kube, cluster_run.ClusterRequest(manifest, home, arguments, name, ""))
    try:
        with follow(log=False) as listener:
            cluster_run.wait_for_run(kube, application, record, home, listener, timeout=None, stuck_after=120)
    except KeyboardInterrupt:
        raise interrupted(kube, application, True) from None
    if record.cause:
        raise error_from_cause(record.cause, where=record.job)
