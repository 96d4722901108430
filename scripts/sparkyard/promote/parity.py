"""Do notebook and job say the same? Both run here, in processes of their own, on the same lake; their tables are compared row by row."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from sparkyard.errors import JobFailed, ManifestError
from sparkyard.lake import load_catalog, load_table
from sparkyard.local.plan import find_app
from sparkyard.manifest import load_manifest
from sparkyard.promote.replay import make_replay
from sparkyard.promote.write import Promotion, make_manifest
from sparkyard.runs.local_run import LocalRequest, Watcher, app_roots, run_local

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN = 3  # rows of each side
Json = dict[str, Any]


@dataclass(frozen=True)
class Parity:
    rows: int  # the notebook's
    differences: list[str] = field(default_factory=list)
    place: list[str] = field(default_factory=list)  # how the job is run otherwise than the notebook was


def replay_table(promotion: Promotion) -> str:
    return f"yard.scratch.promote_{promotion.domain}_{promotion.app}"


def run_notebook(promotion: Promotion, project: Path, home: Path, watcher: Watcher) -> None:
    """From top to bottom in a fresh process; JobFailed names the cell that needs what no cell above made."""
    with tempfile.TemporaryDirectory(prefix="sparkyard-promote-") as folder:
        script = Path(folder, "notebook.py")
        script.write_text(make_replay(promotion.cells, replay_table(promotion)))
        document = yaml.safe_load(make_manifest(promotion))
        document["metadata"]["name"] = f"{promotion.job}-notebook"
        _run(document, script, project, home, watcher)


def run_job(manifest: Path, project: Path, home: Path, watcher: Watcher) -> None:
    loaded = load_manifest(manifest)
    _run(loaded.document, find_app(loaded, app_roots(manifest)), project, home, watcher)


def _run(document: Json, app: Path, project: Path, home: Path, watcher: Watcher) -> None:
    """With the modules of all jobs at hand, also where the project holds none but this one."""
    document["spec"]["mainApplicationFile"] = f"file://{app.resolve()}"
    roots = app_roots(project / "manifests" / "jobs" / "x.yaml")
    path = {"name": "PYTHONPATH", "value": ":".join(map(str, roots))}
    document["spec"]["driver"]["env"] = [*document["spec"]["driver"].get("env", []), path]
    with tempfile.NamedTemporaryFile("w", prefix="sparkyard-promote-", suffix=".yaml") as file:
        file.write(yaml.safe_dump(document))
        file.flush()
        record = run_local(LocalRequest(Path(file.name), home), watcher)
    if record.cause:
        raise JobFailed(record.cause["message"], where=record.job, next_command=f"sparkyard show {record.run_id} --log --home {home}")


def compare(promotion: Promotion, manifest: Path, home: Path) -> Parity:
    """What the two runs left; the notebook's table is taken away."""
    catalog = load_catalog(home)
    theirs, ours = (load_table(catalog, name) for name in (replay_table(promotion), promotion.table))
    catalog.purge_table(replay_table(promotion).removeprefix("yard."))
    place = list_changes(yaml.safe_load(make_manifest(promotion))["spec"], load_manifest(manifest).spec)
    return Parity(theirs.num_rows, [*compare_columns(theirs, ours)] or [*compare_rows(theirs, ours)], sorted(place))


def compare_columns(notebook: "pa.Table", job: "pa.Table") -> Iterator[str]:
    ours, theirs = ({column.name: str(column.type) for column in table.schema} for table in (job, notebook))
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            yield f"column {name}: {theirs.get(name, 'absent')} in the notebook, {ours.get(name, 'absent')} in the job"


def compare_rows(notebook: "pa.Table", job: "pa.Table") -> Iterator[str]:
    """Each row as often on either side; floats by twelve digits, since those behind hang on the order of a sum."""
    theirs, ours = count_rows(notebook), count_rows(job)
    for words, only in (("only in the notebook", theirs - ours), ("only in the job", ours - theirs)):
        if total := only.total():
            some = sorted(only, key=repr)[:SHOWN]
            shown = "; ".join(
                ", ".join(f"{name}={value}" for name, value in zip(sorted(job.column_names), row, strict=True)) for row in some
            )
            yield f"{total} row(s) {words}: {shown}{' …' if len(only) > SHOWN else ''}"


def count_rows(table: "pa.Table") -> Counter[tuple[str, ...]]:
    columns = [[settle(value) for value in table.column(name).to_pylist()] for name in sorted(table.column_names)]
    return Counter(zip(*columns, strict=True))


def settle(value: Any) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def list_changes(made: Json, there: Json, path: str = "spec") -> Iterator[str]:
    """What somebody has changed in the manifest since it was made."""
    for key in sorted(made.keys() | there.keys()):
        before, now = made.get(key), there.get(key)
        if isinstance(before, dict) and isinstance(now, dict):
            yield from list_changes(before, now, f"{path}.{key}")
        elif before != now:
            yield f"{path}.{key}: {before} for the notebook, {now} for the job"


def write_files(files: dict[str, str], project: Path, force: bool) -> list[Path]:
    """Nothing that is there and different is overwritten unless it shall be."""
    paths: Sequence[tuple[Path, str]] = [(project / name, text) for name, text in files.items()]
    changed = [str(path) for path, text in paths if path.exists() and path.read_text() != text]
    if changed and not force:
        words = "is there already, and different: --check compares with it, --force overwrites it"
        raise ManifestError(words, where=", ".join(changed))
    for path, text in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return [path for path, _ in paths]
