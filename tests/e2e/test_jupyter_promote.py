"""Course 06 on the cluster: what the notebook's cells find on executors of their own, the promoted job finds as well."""

import json
from typing import Any

import pytest
from e2e.hub import Kernel, ensure_events

from sparkyard.lake import load_table
from sparkyard.project import ROOT
from sparkyard.promote import Promotion, load_notebook, make_files
from sparkyard.runs.cluster_lake import open_catalog

pytestmark = [pytest.mark.cluster, pytest.mark.long]
COURSE = ROOT / "notebooks" / "06-to-job.ipynb"
ROWS = "import json; print(json.dumps(sorted([row.hour, row.windows, round(row.mean, 9)] for row in result.collect())))"


def test_a_promoted_job_says_what_the_notebook_said(yard: Any, kernels: dict[str, Kernel]) -> None:
    ensure_events(yard)
    kernels["bob"].run_notebook(COURSE)
    said = json.loads(kernels["bob"].must(ROWS).text.splitlines()[-1])
    book = load_notebook(COURSE)
    files = make_files(Promotion(book.title, "notebooks/06-to-job.ipynb", "events", "quiet", book.cells, "4.1.3"))
    app = yard.wait_for_end(yard.run_code("events-quiet", files["spark_apps/events/quiet.py"]))
    assert app["status"]["applicationState"]["state"] == "COMPLETED"
    try:
        with open_catalog(yard.kube) as catalog:
            rows = load_table(catalog, "yard.refined.events_quiet").to_pylist()
        assert sorted([row["hour"], row["windows"], round(row["mean"], 9)] for row in rows) == said != []
    finally:
        yard.drop_tables("events_quiet")
        yard.delete("events-quiet")
        yard.kubectl("delete", "configmap", "events-quiet-code", "-n", yard.namespace)
