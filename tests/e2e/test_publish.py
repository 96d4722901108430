"""On the cluster a table reaches a PostgreSQL of the site, over TLS, its rows carried by executors."""

from typing import Any

import pytest
from e2e.conftest import SAMPLE
from e2e.site import psql

from sparkyard import lake
from sparkyard.project import ROOT
from sparkyard.runs.cluster_lake import open_catalog

pytestmark = [pytest.mark.cluster, pytest.mark.long]
TABLE = "yard.refined.events_windows"
COLUMNS = "extract(epoch FROM window_start)::bigint, open_count, close_count, total"


def test_a_table_reaches_the_database_of_a_site(site: Any, clean_events: None) -> None:
    site.sparkyard("upload", str(SAMPLE), "--to", "raw/events")
    for job in ("events-windows", "sql-publish"):
        app = site.wait_for_end(site.apply(ROOT / f"manifests/jobs/{job}.yaml"))
        assert app["status"]["applicationState"]["state"] == "COMPLETED", app["status"]
    with open_catalog(site.kube) as catalog:
        rows = lake.load_table(catalog, TABLE).to_pylist()
    expected = [f"{row['window_start'].timestamp():.0f}|{row['open_count']}|{row['close_count']}|{row['total']}" for row in rows]
    assert sorted(psql(site, f"SELECT {COLUMNS} FROM events_windows")) == sorted(expected)
    assert psql(site, "SELECT rows_there FROM sparkyard_published") == [str(len(rows))]
    assert psql(site, "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'sparkyard_stage%'") == ["0"]
