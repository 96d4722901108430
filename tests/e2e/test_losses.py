"""A night of losses, from the share that a release declares to the SQL database of the site: every cell of what arrives there."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from apps.losses.conftest import CURVES, duck
from e2e.samba import PASSWORDS, Samba, make_secret
from e2e.site import psql

from sparkyard.project import ROOT
from sparkyard.samples.losses import make_files

pytestmark = [pytest.mark.cluster, pytest.mark.long]
SHARE = {"name": "risk", "server": "samba.e2e-samba.svc", "share": "data", "subPath": "losses", "secret": "e2e-spark"}
PERIODS = [2, 10, 250]
COLUMNS = """snapshot, "RegionID", "LayerID", return_period, basis, iterations, iterations_with_rows,
    average_annual_loss, standard_deviation, occurrence_loss, aggregate_loss"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, content in make_files(0.1):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.fixture
def share(yard: Any, files: Path, tmp_path: Path) -> Iterator[None]:
    """A release that declares it, as the README of charts/windows-shares says; and without it again."""
    server = Samba(yard)
    server.start()
    for file in files.rglob("*.csv"):
        target = f"/srv/data/losses/{file.relative_to(files)}"
        server.run(f"mkdir -p '{Path(target).parent}'; base64 -d > '{target}'", stdin=base64.b64encode(file.read_bytes()).decode())
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"global": {"shares": [SHARE]}}))
    try:
        secret = make_secret("spark", PASSWORDS["spark"])
        secret["metadata"]["namespace"] = "sparkyard-shares"
        yard.sparkyard("install", "--preset", "small-node", "--values", str(values))
        server.apply(secret)
        yield
    finally:
        yard.sparkyard("install", "--preset", "small-node")
        server.stop()


def test_a_night_of_losses(yard: Any, site: Any, share: None, files: Path) -> None:
    yard.drop_tables("losses_")
    yard.drop_tables("share_land_files")
    wait_for_share(yard, "risk")
    submit(yard, "share-land")
    submit(yard, "losses-land")
    submit(yard, "losses-curves", "--iterations", "10000", "--periods", ",".join(map(str, PERIODS)))
    submit(yard, "sql-publish", "--table", "yard.refined.losses_curves", "--to", "results")
    arrived = [tuple(json.loads(row)) for row in psql(site, f"SELECT json_build_array({COLUMNS})::text FROM losses_curves")]
    expected = duck(files).sql(CURVES.format(loss="Layer", iterations=10_000, periods=PERIODS)).fetchall()
    for row, wanted in zip(sorted(arrived), sorted(expected), strict=True):
        assert row == tuple(pytest.approx(cell, rel=1e-9, abs=1e-9) if isinstance(cell, float) else cell for cell in wanted)
    assert len(arrived) == 2 * 3 * 12 * len(PERIODS)


def wait_for_share(yard: Any, name: str, timeout: float = 180) -> None:
    deadline = time.monotonic() + timeout
    while (tried := yard.sparkyard("share", "test", name, code=None)).returncode:
        assert time.monotonic() < deadline, tried.stdout + tried.stderr
        time.sleep(5)


def submit(yard: Any, job: str, *args: str) -> None:
    yard.delete(job)
    yard.sparkyard("submit", str(ROOT / f"manifests/jobs/{job}.yaml"), "--wait", "--no-log", *(["--", *args] if args else []))
