"""Course 06 becomes a job that says the same; changed, it is told; hidden state that only shows when run is refused."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sparkyard.project import ROOT

pytestmark = [pytest.mark.java, pytest.mark.long]
YARD = str(ROOT / ".venv" / "bin" / "sparkyard")
NOTEBOOK = ROOT / "notebooks" / "06-to-job.ipynb"


class Project:
    """A checkout of somebody's own beside ours, and a lake in which events-windows has run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        (folder / "spark_apps").mkdir()

    def yard(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([YARD, *words], cwd=ROOT, capture_output=True, text=True, env=os.environ | {"COLUMNS": "200"})

    def promote(self, notebook: Path, *words: str) -> "subprocess.CompletedProcess[str]":
        return self.yard("promote", str(notebook), "--as", "events-quiet", "--to", str(self.folder), "--home", str(self.home), *words)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("project"))
    project.yard("sample", "events", "--scale", "0.02", "--out", str(project.home / "raw" / "events"))
    done = project.yard("run", "manifests/jobs/events-windows.yaml", "--home", str(project.home))
    assert done.returncode == 0, done.stderr
    return project


def change(notebook: Path, number: int, source: str, target: Path) -> Path:
    """A copy in which one code cell says something else."""
    document: dict[str, Any] = json.loads(notebook.read_text())
    cells = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
    cells[number - 1]["source"] = [source]
    target.write_text(json.dumps(document))
    return target


def test_notebook_and_job_say_the_same_until_one_is_changed(project: Project) -> None:
    done = project.promote(NOTEBOOK)
    assert done.returncode == 0, done.stderr
    assert "equal: 24 rows" in done.stdout
    app = project.folder / "spark_apps/events/quiet.py"
    app.write_text(app.read_text().replace("default=60", "default=5"))
    changed = project.promote(NOTEBOOK, "--check")
    assert changed.returncode == 6
    assert "row(s) only in the notebook: hour=" in changed.stderr
    assert "row(s) only in the job: hour=" in changed.stderr


def test_hidden_state_that_only_shows_when_it_runs(project: Project, tmp_path: Path) -> None:
    """Nothing is written for it."""
    shutil.rmtree(project.folder / "airflow", ignore_errors=True)
    source = "if most > 1000:\n    factor = 2\nresult = windows.limit(factor)"
    done = project.promote(change(NOTEBOOK, 3, source, tmp_path / "hidden.ipynb"), "--force")
    assert done.returncode == 6
    assert "cell 3, line 3: NameError: name 'factor' is not defined: no cell above defines it" in done.stderr
    assert not (project.folder / "airflow").exists()
