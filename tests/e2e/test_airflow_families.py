"""The DAGs of marts, indicators, purchases, sensors and losses in a cluster; a second run of the same day renews no table."""

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from e2e.airflow_objects import FILES
from e2e.airflow_site import be_the_pools_controller, list_rented, put_file, upload_sample
from e2e.site import psql
from e2e.test_losses import files, share  # noqa: F401  (fixtures)

from sparkyard.samples import wdi

pytestmark = [pytest.mark.cluster, pytest.mark.long, pytest.mark.timeout(3600)]


@pytest.fixture
def fresh(yard: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    """A family without tables, before and after."""
    yard.drop_tables(request.param)
    yield request.param
    yard.drop_tables(request.param)


def run_well(air: Any, dag: str, **conf: Any) -> None:
    state, tasks = air.run(dag, 1200, **conf)
    assert (state, set(tasks.values())) == ("success", {"success"}), tasks


@pytest.mark.parametrize("fresh", ["marts_"], indirect=True)
def test_marts_on_what_is_rented(yard: Any, air: Any, tmp_path: Path, fresh: str) -> None:
    upload_sample(yard, tmp_path, "marts", "0.02", "raw/marts")
    versions = []
    for _ in range(2):
        run = air.trigger("marts_daily", date="2022-05-05", depth=6)
        be_the_pools_controller(yard)
        assert air.wait_for_end("marts_daily", run, 1200) == "success", air.states("marts_daily", run)
        assert set(air.states("marts_daily", run).values()) == {"success"}
        assert list_rented(yard) == []
        versions.append(yard.list_snapshots(fresh))
    assert versions[0]
    assert versions[0] == versions[1]


@pytest.mark.parametrize("fresh", ["purchases_"], indirect=True)
def test_purchases_a_day_after_the_other_and_one_again(yard: Any, air: Any, tmp_path: Path, fresh: str) -> None:
    place = upload_sample(yard, tmp_path, "purchases", "0.01", "raw/e2e-airflow/purchases")
    for day in ("2024-03-01", "2024-03-02"):
        run_well(air, "purchases_daily", input=place, date=day)
    before = yard.list_snapshots(fresh)
    run_well(air, "purchases_daily", input=place, date="2024-03-02")
    assert before
    assert yard.list_snapshots(fresh) == before


@pytest.mark.parametrize("fresh", ["sensors_"], indirect=True)
def test_sensors_whose_files_stay_the_same(yard: Any, air: Any, tmp_path: Path, fresh: str) -> None:
    place = upload_sample(yard, tmp_path, "sensors", "0.01", "raw/e2e-airflow/sensors")
    run_well(air, "sensors_hourly", input=place)
    before = yard.list_snapshots(fresh)
    run_well(air, "sensors_hourly", input=place)
    assert before
    assert yard.list_snapshots(fresh) == before


@pytest.mark.parametrize("fresh", ["wdi_"], indirect=True)
def test_indicators_are_refined_when_something_is_new(yard: Any, air: Any, fresh: str) -> None:
    [(name, content)] = wdi.make_files(0.006)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    put_file(yard, "WDI_CSV.zip", packed.getvalue())
    run_well(air, "wdi_refresh", at=datetime.now(UTC), url=f"{FILES}/WDI_CSV.zip")
    before = yard.list_snapshots(fresh)
    state, tasks = air.run("wdi_refresh", at=datetime.now(UTC), url=f"{FILES}/WDI_CSV.zip")
    skipped = dict.fromkeys(["wdi-land", "wdi-means", "wdi-short-lives", "wdi-gaps"], "skipped")
    assert (state, tasks) == ("success", {"wdi-ingest": "success", "anything_new": "success"} | skipped)
    assert before
    assert yard.list_snapshots(fresh) == before


@pytest.mark.parametrize("fresh", ["losses_"], indirect=True)
def test_losses_from_the_share_to_the_database(yard: Any, air: Any, site: Any, share: Any, fresh: str) -> None:  # noqa: F811
    tables, rows = ("losses_", "share_land_"), "SELECT count(*), sum(average_annual_loss) FROM losses_curves"
    yard.drop_tables("share_land_files")
    run_well(air, "losses_nightly")
    before, published = yard.list_snapshots(*tables), psql(site, rows)
    run_well(air, "losses_nightly")
    assert before
    assert yard.list_snapshots(*tables) == before
    assert published == psql(site, rows) != ["0|"]
