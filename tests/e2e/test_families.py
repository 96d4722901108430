"""The marts and the indicators by plain kubectl: the same tables as in local mode, by checksum; asked again, nothing is written."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from e2e.test_trace import compare, run_in_both, run_on_cluster

from sparkyard.runs.cluster_lake import open_catalog
from sparkyard.samples import marts, wdi

pytestmark = [pytest.mark.cluster, pytest.mark.java, pytest.mark.long]
TABLES = {
    "marts-mover": "yard.trusted.marts_mover",
    "marts-users": "yard.refined.marts_users",
    "marts-zones": "yard.refined.marts_zones",
    "marts-friends": "yard.refined.marts_friends",
    "wdi-land": "yard.trusted.wdi_land",
    "wdi-means": "yard.refined.wdi_means",
    "wdi-short-lives": "yard.refined.wdi_short_lives",
    "wdi-gaps": "yard.refined.wdi_gaps",
}


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, Iterator[tuple[str, bytes]]]:
    """The manifests name no date, so they are of yesterday and the 60 days before it, and so are the sample's days."""
    monkeypatch.setattr(marts, "DAYS", 61)
    monkeypatch.setattr(marts, "FIRST", datetime.now(UTC).date() - timedelta(61))
    return {"marts": marts.make_files(0.02), "wdi": wdi.make_files(0.006)}


@pytest.mark.parametrize("family", ["marts", "wdi"])
def test_a_family_equals_local_mode_and_is_not_written_again(
    yard: Any, files: dict[str, Iterator[tuple[str, bytes]]], tmp_path: Path, family: str
) -> None:
    raw = tmp_path / "raw" / family
    for name, content in files[family]:
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_bytes(content)
    yard.sparkyard("upload", str(raw), "--to", f"raw/{family}")
    yard.drop_tables(f"{family}_")
    jobs = [job for job in TABLES if job.startswith(family)]
    for job in jobs:
        run_in_both(yard, tmp_path, job)
        compare(yard, tmp_path, TABLES[job])
    before = count_snapshots(yard, jobs)
    for job in jobs:
        run_on_cluster(yard, job)
    assert count_snapshots(yard, jobs) == before
    yard.drop_tables(f"{family}_")


def count_snapshots(yard: Any, jobs: list[str]) -> list[int]:
    with open_catalog(yard.kube) as catalog:
        return [len(catalog.load_table(TABLES[job].removeprefix("yard.")).snapshots()) for job in jobs]
