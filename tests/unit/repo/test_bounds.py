"""Rooms keep their bounds: what jobs and DAGs may import and say, which folders exist, how long things get."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sparkyard.project import ROOT

ROOMS = {"charts", "manifests", "spark_apps", "images", "airflow", "notebooks", "scripts", "tests", ".ci"}
APPS = sorted((ROOT / "spark_apps").rglob("*.py"))
DAGS = sorted((ROOT / "airflow").rglob("*.py"))
FORBIDDEN_IN_APPS = {"sparkyard", "airflow", "kubernetes", "pyhelm3", "boto3", "psycopg"}
# publish alone may use what Spark Connect lacks, and speak to a database
PUBLISH = {"sqlsession", "sqlstage"}
PLACE_WORDS = re.compile(r"\.master\(|spark\.kubernetes\.|sparkContext|_jvm|\.rdd\b")


def tracked() -> list[str]:
    return subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_no_other_folders() -> None:
    assert {path.split("/")[0] for path in tracked() if "/" in path} <= ROOMS


@pytest.mark.parametrize("path", APPS, ids=lambda path: path.stem)
def test_a_job_knows_no_place(path: Path) -> None:
    if path.stem not in PUBLISH:
        assert not imports(path) & FORBIDDEN_IN_APPS
        assert not PLACE_WORDS.search(path.read_text())
    assert ast.get_docstring(ast.parse(path.read_text())), "a docstring says what it computes, from what, to what"


def test_jobs_do_nothing_at_import() -> None:
    """A column or a window at the top of a file needs a session, and there is none yet."""
    code = "import runpy, sys; [runpy.run_path(path, run_name='imported') for path in sys.argv[1:]]"
    done = subprocess.run([sys.executable, "-c", code, *map(str, APPS)], cwd=ROOT / "spark_apps", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_dag_is_short_and_only_schedules() -> None:
    for path in DAGS:
        assert not imports(path) & {"pyspark", "kubernetes", "pandas"}, path
        assert len(path.read_text().splitlines()) <= 60, path


def test_airflow_folder_is_no_package() -> None:
    assert not list((ROOT / "airflow").rglob("__init__.py")), "it would shadow Apache Airflow"


def test_manifests_hold_no_templating() -> None:
    for path in (ROOT / "manifests" / "jobs").glob("*.yaml"):
        assert "{{" not in path.read_text(), path


def test_every_job_has_its_manifest_and_its_test() -> None:
    for path in (ROOT / "spark_apps").glob("*/*.py"):
        domain, app = path.parent.name, path.stem
        assert (ROOT / "manifests" / "jobs" / f"{domain}-{app}.yaml".replace("_", "-")).exists(), path
        assert (ROOT / "tests" / "apps" / domain / f"test_{app}.py").exists(), path


def test_nothing_is_called_latest() -> None:
    for path in tracked():
        if path.startswith(("charts/", "images/", "manifests/jobs/")):
            assert not re.search(r":latest\b", (ROOT / path).read_text()), path
