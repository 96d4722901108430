"""Marts, indicators, purchases, sensors by plain kubectl: the tables of local mode, by checksum; asked again, nothing is written."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from e2e.test_trace import compare, run_in_both, run_on_cluster

from sparkyard.samples import marts, purchases, sensors, wdi

pytestmark = [pytest.mark.cluster, pytest.mark.java, pytest.mark.long, pytest.mark.timeout(3600)]
TABLES = {
    "marts-mover": ["trusted.marts_mover"],
    "marts-users": ["refined.marts_users"],
    "marts-zones": ["refined.marts_zones"],
    "marts-friends": ["refined.marts_friends"],
    "wdi-land": ["trusted.wdi_land"],
    "wdi-means": ["refined.wdi_means"],
    "wdi-short-lives": ["refined.wdi_short_lives"],
    "wdi-gaps": ["refined.wdi_gaps"],
    "purchases-land": [f"trusted.purchases_land_{name}" for name in ("purchases", "products", "users")],
    "purchases-history": [f"refined.purchases_{name}" for name in ("fact", "product", "user")],
    "purchases-sales": ["refined.purchases_sales"],
    "purchases-as-of": [f"refined.purchases_as_of_{name}" for name in ("purchases", "products", "users")],
    "sensors-land": ["trusted.sensors_land"],
    "sensors-catalogue": ["refined.sensors_catalogue", "refined.sensors_parameters"],
}


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, Iterator[tuple[str, bytes]]]:
    """The manifests name no date, so marts are of yesterday and the 60 days before it, and so are the sample's days."""
    monkeypatch.setattr(marts, "DAYS", 61)
    monkeypatch.setattr(marts, "FIRST", datetime.now(UTC).date() - timedelta(61))
    return {
        "marts": marts.make_files(0.02),
        "wdi": wdi.make_files(0.006),
        "purchases": purchases.make_files(0.02),
        "sensors": sensors.make_files(0.01),
    }


@pytest.mark.parametrize("family", ["marts", "wdi", "purchases", "sensors"])
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
        for table in TABLES[job]:
            compare(yard, tmp_path, f"yard.{table}")
    before = list_versions(yard, family, jobs)
    for job in jobs:
        run_on_cluster(yard, job)
    assert list_versions(yard, family, jobs) == before
    yard.drop_tables(f"{family}_")


def list_versions(yard: Any, family: str, jobs: list[str]) -> list[Any]:
    found = yard.list_snapshots(f"{family}_")
    return [found[f"yard.{table}"] for job in jobs for table in TABLES[job]]
