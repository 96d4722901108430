"""A cluster rented for a night, as an object of a real cluster: it is gone again whatever happened."""

from typing import Any

import pytest
from e2e.airflow_site import be_the_pools_controller, list_rented

pytestmark = [pytest.mark.cluster, pytest.mark.long, pytest.mark.timeout(3600)]
QUESTIONS = {"trace-q7-request-vs-use", "trace-q9-hours", "trace-q10-overcommit"}
JOBS = {"trace-land", *QUESTIONS}
WELL = dict.fromkeys(["rent", *JOBS, "tell_cost", "give_back"], "success")
BARRED = dict.fromkeys(QUESTIONS, "upstream_failed") | {"tell_cost": "failed"}
# how each task ends that does not succeed
CASES = {
    "all well": {},
    "a job failed": {"trace-land": "failed"} | BARRED,
    "the start failed half-way": {"rent": "failed", "trace-land": "upstream_failed"} | BARRED,
    "a person cancelled the run": {"trace-land": "failed", "tell_cost": "failed"} | dict.fromkeys(QUESTIONS, "skipped"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_was_rented_is_gone(yard: Any, air: Any, trace: str, case: str) -> None:
    run = air.trigger("trace_rented", input="s3a://raw/nothing/" if case == "a job failed" else trace)
    if case != "the start failed half-way":
        be_the_pools_controller(yard)
    if case == "a job failed":
        air.wait_for_state("trace_rented", run, "trace-land", "up_for_retry")
        air.ask("PATCH", f"dags/trace_rented/dagRuns/{run}/taskInstances/trace-land", json={"new_state": "failed"})
    if case == "a person cancelled the run":
        air.wait_for_state("trace_rented", run, "trace-land", "deferred")
        air.ask("PATCH", f"dags/trace_rented/dagRuns/{run}", json={"state": "failed"})
        air.wait_for_state("trace_rented", run, "give_back", "success")
    assert air.wait_for_end("trace_rented", run, 1200) == ("success" if case == "all well" else "failed")
    assert air.states("trace_rented", run) == WELL | CASES[case]
    assert list_rented(yard) == []
    air.wait_for_silence("trace-")
    if case == "all well":
        assert air.xcom("trace_rented", run, "tell_cost", "cost")["used_core_hours"] > 0


def test_what_was_rented_is_gone_although_its_bill_failed(yard: Any, air: Any) -> None:
    run = air.trigger("e2e-rented")
    be_the_pools_controller(yard)
    air.wait_for_state("e2e-rented", run, "tell_cost", "up_for_retry", 300)
    air.ask("PATCH", f"dags/e2e-rented/dagRuns/{run}/taskInstances/tell_cost", json={"new_state": "failed"})
    assert air.wait_for_end("e2e-rented", run) == "failed"
    assert air.states("e2e-rented", run) == {"rent": "success", "e2e-quick": "success", "tell_cost": "failed", "give_back": "success"}
    assert list_rented(yard) == []
