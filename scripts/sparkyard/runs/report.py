"""What goes into a report: which runs, what their jobs say of themselves, and their plots."""

import ast
import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sparkyard.errors import UsageError, YardError
from sparkyard.local.plan import find_app
from sparkyard.local.store import load_record, load_records
from sparkyard.manifest import load_manifest
from sparkyard.report import Page
from sparkyard.runs.local_run import app_roots
from sparkyard.runs.plots import NO_PLOT, draw_from
from sparkyard.summary import RunRecord

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog


def choose_records(home: Path, wanted: Sequence[str]) -> list[RunRecord]:
    """A job's name stands for its latest run; nothing at all for the latest of each job."""
    latest: dict[str, RunRecord] = {}
    for record in load_records(home):
        latest.setdefault(record.job, record)
    if not latest:
        raise UsageError("no runs to report", where=f"--home {home}", next_command="sparkyard run manifests/jobs/events-windows.yaml")
    return [latest.get(word) or load_record(home, word) for word in wanted or sorted(latest, key=_by_number)]


def _by_number(job: str) -> list[str]:
    """q2 stands before q10."""
    return [part.zfill(9) if part.isdecimal() else part for part in re.split(r"(\d+)", job)]


def make_page(record: RunRecord, catalog: "Catalog | None" = None) -> Page:
    """With a catalog, a plot that was not drawn when the job ran (on a cluster) is drawn now."""
    return Page(record, load_definition(record.manifest), *_load_plot(record, catalog))


def load_definition(manifest: str) -> str:
    """What the job's file says it computes; empty where file or manifest are not here."""
    try:
        found = load_manifest(Path(manifest))
        return ast.get_docstring(ast.parse(find_app(found, app_roots(Path(manifest))).read_text())) or ""
    except (YardError, OSError, SyntaxError):
        return ""


def _load_plot(record: RunRecord, catalog: "Catalog | None") -> tuple[bytes, str]:
    """The picture, and what kept it from being one."""
    with suppress(OSError, ValueError):  # a link may be words, and too long for a path
        return Path(record.links.get("plot", "")).read_bytes(), ""
    wish = (record.summary or {}).get("plot")
    if not wish or catalog is None:
        return b"", record.links.get(NO_PLOT, "")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "plot.png"
        why = draw_from(catalog, wish, file)
        return (b"", why) if why else (file.read_bytes(), "")
