"""Each fault, to a real task in a real cluster: the right state, its cause in the log, nothing submitted twice, nothing left running."""

import time
from typing import Any

import pytest
from e2e import airflow_faults as faults

from sparkyard.kube.explain import application_state
from sparkyard.runs.attempt import ATTEMPT

pytestmark = [pytest.mark.cluster, pytest.mark.long, pytest.mark.timeout(3600)]
DOWN = 120  # seconds
# words of the task's log, and after how many tries it is given up
CAUSES = {
    "wrong-argument": ("unrecognized arguments: --nonsense", 1),
    "no-input": ("s3a://raw/nothing", 1),
    "no-memory": ("memory", 1),
    "no-image": ("nowhere", 1),
    "too-large": ("more CPU than the namespace has", 1),
    "full-quota": ("no room in the namespace's quota", 2),
}


@pytest.fixture
def no_seat(yard: Any) -> Any:
    yard.kubectl("apply", "-f", "-", stdin=faults.make_quota(yard))
    yield
    yard.kubectl("delete", "resourcequota", "-n", yard.namespace, "e2e-airflow")


def test_each_cause_is_told_and_tried_no_more_than_it_is_worth(air: Any, no_seat: None) -> None:
    runs = {case: air.trigger(f"e2e-{case}") for case in CAUSES}
    for case, (words, tries) in CAUSES.items():
        name = f"e2e-{case}"
        assert air.wait_for_end(name, runs[case], 400) == "failed", case
        [found] = air.tasks(name, runs[case])
        assert (found["state"], found["try_number"]) == ("failed", tries), case
        assert words in air.log(name, runs[case], name, tries), case
        made = [app["metadata"]["annotations"][ATTEMPT] for app in air.applications(name)]
        assert made == ([] if case == "too-large" else [str(tries)]), case
        air.wait_for_silence(name)


# what is done, the task's end, the application's, and words of the task's log
DISTURBED = {
    "the scheduler is killed": (faults.kill_pod("airflow-scheduler-0"), "success", "COMPLETED", " succeeded in "),
    "the triggerer is killed": (faults.kill_pod("airflow-triggerer-0"), "success", "COMPLETED", " succeeded in "),
    "the driver pod is deleted": (faults.kill_driver, "failed", "FAILED", "the driver pod vanished"),
    "the application is deleted": (faults.delete_application_by_hand, "failed", "", "somebody deleted the application"),
    "the API server is restarted": (faults.restart_api_server, "success", "COMPLETED", " succeeded in "),
}
CASES = [pytest.param(case, marks=[pytest.mark.netns] if "API" in case else []) for case in DISTURBED]


@pytest.mark.parametrize("case", CASES)
def test_a_disturbed_task_ends_as_it_should(yard: Any, air: Any, case: str) -> None:
    disturb, state, fate, words = DISTURBED[case]
    run = air.trigger("e2e-slow")
    app = air.wait_for_driver("e2e-slow")
    uid = yard.app(app)["metadata"]["uid"]
    disturb(air, app)
    assert air.wait_for_end("e2e-slow", run, 400) == state
    assert air.states("e2e-slow", run) == {"e2e-slow": state}
    air.wait(lambda: words in air.log("e2e-slow", run, "e2e-slow"), f"no word of {words!r}", 60)
    air.wait_for_silence("e2e-slow")
    left = yard.app(app)
    assert (application_state(left) if left else "") == fate
    assert left is None or left["metadata"]["uid"] == uid, "it was submitted twice"


def test_a_task_that_a_person_kills_takes_its_application_with_it(yard: Any, air: Any) -> None:
    """Who did it stands in Airflow's audit log, what became of the application in the triggerer's, which alone was there."""
    run = air.trigger("e2e-slow")
    app = air.wait_for_driver("e2e-slow")
    air.ask("PATCH", f"dags/e2e-slow/dagRuns/{run}/taskInstances/e2e-slow", json={"new_state": "failed"})
    assert air.wait_for_end("e2e-slow", run) == "failed"
    assert air.states("e2e-slow", run) == {"e2e-slow": "failed"}
    yard.wait_for(app, ["SUSPENDED"])
    air.wait_for_silence("e2e-slow")
    told = air.ask("GET", "eventLogs", params={"run_id": run, "event": "patch_task_instance"})["event_logs"]
    assert [event["owner"] for event in told] == ["admin"]
    assert faults.is_in_triggerers_log(air, run, f"{app} is being cancelled")


def test_an_operator_that_is_down_is_waited_for(yard: Any, air: Any) -> None:
    """One application ends while nobody writes that down, another is made that nobody looks at."""
    runs = {"e2e-slow": air.trigger("e2e-slow")}
    ends = air.wait_for_driver("e2e-slow")
    with faults.no_operator(yard):
        runs["e2e-quick"] = air.trigger("e2e-quick")
        [new] = air.wait(lambda: air.list_alive("e2e-quick"), "it was not made", 180)
        uids = {name: yard.app(name)["metadata"]["uid"] for name in (ends, new)}
        time.sleep(DOWN)
        assert application_state(yard.app(new)) == "NEW"
        assert not air.list_pods(ends), "it had the time to end"
        assert [air.states(name, run) for name, run in runs.items()] == [{name: "deferred"} for name in runs]
    assert [air.wait_for_end(name, run, 400) for name, run in runs.items()] == ["success"] * 2
    assert [air.states(name, run) for name, run in runs.items()] == [{name: "success"} for name in runs]
    assert {name: yard.app(name)["metadata"]["uid"] for name in uids} == uids, "one was submitted twice"
    assert "no operator has submitted it" in air.log("e2e-quick", runs["e2e-quick"], "e2e-quick")
