"""`sparkyard promote`: a notebook becomes a job, and both are shown to say the same."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparkyard.cli import app
from sparkyard.cli.options import Home
from sparkyard.errors import JobFailed, ManifestError, UsageError

if TYPE_CHECKING:
    from sparkyard.promote import Promotion
    from sparkyard.promote.parity import Parity

HELP = """Make a job of a notebook: app, manifest and a DAG without a schedule; then run both here and compare their rows.

Names in the cell tagged `parameters` become the job's arguments, the DataFrame called `result` becomes its table.

\b
  sparkyard promote notebooks/06-to-job.ipynb --as events-quiet
  sparkyard promote notebooks/06-to-job.ipynb --as events-quiet --cells 2-4 --to build/promoted
  sparkyard promote notebooks/06-to-job.ipynb --as events-quiet --check   # writes nothing: do they still say the same?
"""


@app.command(help=HELP)
def promote(
    notebook: Annotated[Path, typer.Argument(help="The notebook.")],
    name: Annotated[str, typer.Option("--as", help="The job's name, <domain>-<app>.")],
    cells: Annotated[str, typer.Option(help="Code cells by their number from the top, such as 2,4-6; all of them without it.")] = "",
    to: Annotated[Path | None, typer.Option(help="The project to write to.", show_default="the notebook's")] = None,
    home: Home = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; compare the notebook with the job that is there.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a job that is there.")] = False,
) -> None:
    from sparkyard.cli.follow import follow
    from sparkyard.local.home import DEFAULT_HOME
    from sparkyard.promote import make_files, parity

    promotion, place = make_promotion(notebook, name, cells), home or DEFAULT_HOME
    project = (to or find_project(notebook)).resolve()
    manifest = project / "manifests" / "jobs" / f"{promotion.job}.yaml"
    with follow() as watcher:
        parity.run_notebook(promotion, project, place, watcher)
        written = [] if check else parity.write_files(make_files(promotion), project, force)
        tidy([path for path in written if path.suffix == ".py"])
        parity.run_job(manifest, project, place, watcher)
    for path in written:
        print(f"wrote {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
    show_parity(promotion, parity.compare(promotion, manifest, place))


def make_promotion(notebook: Path, name: str, wanted: str) -> "Promotion":
    """Refused with every reason at once."""
    from sparkyard.project import load_versions
    from sparkyard.promote import Promotion, choose_cells, list_refusals, load_notebook

    found = re.fullmatch(r"([a-z][a-z0-9]*)-([a-z][a-z0-9]*(?:-[a-z0-9]+)*)", name)
    if not found:
        raise UsageError(f"expected <domain>-<app> such as events-quiet, found {name!r}", where="--as")
    book = load_notebook(notebook)
    chosen = choose_cells(book.cells, wanted)
    if refusals := list_refusals(chosen, book.cells):
        raise ManifestError("cannot be promoted:\n  " + "\n  ".join(refusals), where=str(notebook))
    source = f"notebooks/{notebook.name}" + (f", cells {wanted}" if wanted else "")
    return Promotion(book.title, source, found[1], found[2].replace("-", "_"), chosen, load_versions()["SPARK_VERSION"])


def find_project(notebook: Path) -> Path:
    above = [folder for folder in notebook.resolve().parents if (folder / "spark_apps").is_dir()]
    if not above:
        raise UsageError(
            "no project above it, with spark_apps and manifests", where=str(notebook), next_command="sparkyard promote … --to FOLDER"
        )
    return above[0]


def tidy(paths: Sequence[Path]) -> None:
    """As `make format` leaves them, where ruff is at hand."""
    import subprocess
    import sys

    ruff = Path(sys.executable).with_name("ruff")
    for words in (("check", "--quiet", "--fix", "--select", "I,F401"), ("format", "--quiet")):
        if ruff.exists() and paths:
            subprocess.run([str(ruff), *words, *map(str, paths)], capture_output=True)


def show_parity(promotion: "Promotion", found: "Parity") -> None:
    for words in found.place:
        print(f"different: {words}")
    if found.differences:
        raise JobFailed("the job's table is not the notebook's result:\n  " + "\n  ".join(found.differences), where=promotion.job)
    print(f"equal: {found.rows} rows from the notebook's cells and in the job's table {promotion.table}")
    print(f"Next: give airflow/dags/{promotion.domain}_{promotion.app}.py a schedule, write a test in tests/apps, make images")
