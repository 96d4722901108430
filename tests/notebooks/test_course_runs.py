"""Course 04 and 05 from top to bottom in a fresh kernel, with a folder for the share and a PostgreSQL for the database."""

import subprocess
import sys
from pathlib import Path

import pytest
from charts.apiserver import free_port

from sparkyard.project import ROOT

sys.path.insert(0, str(ROOT / "scripts" / "dev"))
import postgres

pytestmark = [pytest.mark.java, pytest.mark.long]


def run_notebook(name: str, home: Path) -> str:
    command = [sys.executable, str(ROOT / "scripts/dev/notebook.py"), "--home", str(home), "run", str(ROOT / "notebooks" / name)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_a_share(tmp_path: Path) -> None:
    sample = [str(ROOT / ".venv/bin/sparkyard"), "sample", "losses", "--scale", "0.02", "--out", str(tmp_path / "shares/risk/files")]
    subprocess.run(sample, check=True, capture_output=True)
    printed = run_notebook("04-share.ipynb", tmp_path)
    assert f"'risk': '{tmp_path}/shares/risk/files'" in printed
    assert "|LayerId|EventSetTypeId|" in printed


@pytest.mark.postgres
def test_a_database(tmp_path: Path) -> None:
    with postgres.serve(free_port(), None, "fsync=off") as server:
        (tmp_path / "connections").mkdir()
        (tmp_path / "connections" / "results.toml").write_text(server.connection())
        printed = run_notebook("05-sql.ipynb", tmp_path)
    assert "'written': 100" in printed
    assert "|81|order 81|101.25|" in printed.replace(" ", "").replace("order81", "order 81")
