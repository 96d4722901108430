"""What admission decides, case by case."""

import base64
import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.webhook.conftest import SETTINGS, application, apply_patch, review

from sparkyard.check import check_application
from sparkyard.defaults import apply_defaults
from sparkyard.settings import PlatformSettings, revision
from sparkyard.webhook.jsonpatch import make_patch
from sparkyard.webhook.review import Answer, decide, format_review

OLD = SETTINGS.model_copy(update={"ttl_seconds": 600, "max_executor_failures": 3})
KNOWN = {revision(settings): settings for settings in (SETTINGS, OLD)}


def ask(operation: str, new: dict[str, Any], old: dict[str, Any] | None = None, known: dict[str, PlatformSettings] = KNOWN) -> Answer:
    return decide(review(operation, new, old)["request"], SETTINGS, known.get, "run-2")


def outcome(new: dict[str, Any], answer: Answer) -> dict[str, Any]:
    result: dict[str, Any] = apply_patch(new, list(answer.patch))
    return result


def test_a_new_application_gets_defaults_their_revision_and_a_run_id() -> None:
    app = application()
    answer = ask("CREATE", app)
    full = outcome(app, answer)
    assert answer.outcome == "changed"
    assert full == apply_defaults(app, SETTINGS, "run-2")
    assert full["metadata"]["annotations"] == {"sparkyard.dev/defaults-revision": revision(SETTINGS)}


def test_a_refusal_says_the_words_of_the_check_all_at_once() -> None:
    app = application(mode="client", sparkConf={"spark.master": "local"}, image="elsewhere/spark:1")
    answer = ask("CREATE", app)
    response = format_review(review("CREATE", app)["request"], answer)["response"]
    assert response["allowed"] is False
    for finding in check_application(app, SETTINGS):
        assert str(finding) in response["status"]["message"]
    assert response["status"]["message"].startswith("3 findings:")
    assert "patch" not in response


def test_warnings_reach_the_one_who_sends_it() -> None:
    app = application(driver={"cores": 1})
    response = format_review(review("CREATE", app)["request"], ask("CREATE", app))["response"]
    assert response["allowed"] is True
    assert "no memory is set" in response["warnings"][0]


def test_an_upgraded_platform_leaves_a_running_application_as_it_is() -> None:
    manifest = application(
        volumes=[{"name": "a", "emptyDir": {}}], driver={"memory": "1g", "volumeMounts": [{"name": "a", "mountPath": "/a"}]}
    )
    live = apply_defaults(manifest, OLD, "run-1")
    sent = {**copy.deepcopy(live), "spec": {**copy.deepcopy(live["spec"]), "volumes": manifest["spec"]["volumes"], "suspend": False}}
    sent["spec"]["driver"]["template"] = {}  # as if the manifest said so
    answer = ask("UPDATE", sent, live)
    assert {**outcome(sent, answer)["spec"], "suspend": None} == {**live["spec"], "suspend": None}
    assert outcome(sent, answer)["metadata"]["labels"] == live["metadata"]["labels"]


def test_a_real_change_keeps_the_revision_and_is_a_new_run() -> None:
    live = apply_defaults(application(), OLD, "run-1")
    sent = copy.deepcopy(live)
    sent["spec"]["arguments"] = ["--new"]
    full = outcome(sent, ask("UPDATE", sent, live))
    assert full["spec"] == {**live["spec"], "arguments": ["--new"]}
    assert full["metadata"]["annotations"]["sparkyard.dev/defaults-revision"] == revision(OLD)
    assert full["metadata"]["labels"]["sparkyard.dev/run-id"] == "run-2"


def test_the_objects_own_revision_counts_not_what_the_request_claims() -> None:
    live = apply_defaults(application(), SETTINGS, "run-1")
    sent = copy.deepcopy(live)
    sent["spec"]["arguments"] = ["--new"]
    sent["metadata"]["annotations"]["sparkyard.dev/defaults-revision"] = revision(OLD)
    full = outcome(sent, ask("UPDATE", sent, live))
    assert full["metadata"]["annotations"]["sparkyard.dev/defaults-revision"] == revision(SETTINGS)
    assert full["spec"]["timeToLiveSeconds"] == SETTINGS.ttl_seconds


def test_an_update_is_checked_by_todays_rules_unless_nothing_runs_anew() -> None:
    live = apply_defaults(application(image="elsewhere/spark:1"), OLD, "run-1")
    stopped = {**live, "spec": {**live["spec"], "suspend": True}}
    assert ask("UPDATE", stopped, live).outcome == "unchanged"
    changed = {**live, "spec": {**live["spec"], "arguments": ["x"]}}
    assert ask("UPDATE", changed, live).outcome == "refused"


def test_a_lost_revision_leaves_what_runs_alone_and_says_so() -> None:
    live = apply_defaults(application(), OLD, "run-1")
    sent = copy.deepcopy(live)
    del sent["spec"]["driver"]["template"]
    answer = ask("UPDATE", sent, live, known={})
    assert outcome(sent, answer)["spec"] == live["spec"]
    assert "no longer known" in answer.notes[0]


def test_a_real_change_with_a_lost_revision_gets_todays_defaults() -> None:
    live = apply_defaults(application(), OLD, "run-1")
    sent = {**copy.deepcopy(live), "spec": {**live["spec"], "arguments": ["--new"]}}
    full = outcome(sent, ask("UPDATE", sent, live, known={}))
    assert full["metadata"]["annotations"]["sparkyard.dev/defaults-revision"] == revision(SETTINGS)


def test_a_schedule_is_checked_and_left_as_it_is() -> None:
    schedule = {**application(), "kind": "ScheduledSparkApplication"}
    schedule["spec"] = {"schedule": "@daily", "template": schedule["spec"]}
    assert ask("CREATE", schedule) == Answer("unchanged")
    schedule["spec"]["template"]["mode"] = "client"
    assert ask("CREATE", schedule).outcome == "refused"


def test_the_namespace_may_be_the_requests() -> None:
    app = application()
    del app["metadata"]["namespace"]
    answer = ask("CREATE", app)
    assert answer.outcome == "changed"
    assert "namespace" not in outcome(app, answer)["metadata"]


def test_a_patch_names_only_what_changes() -> None:
    before = {"a": {"b/c": 1, "d": [1]}, "e": 1}
    after = {"a": {"b/c": 2, "d": [1, 2]}, "f": 1}
    assert make_patch(before, after) == [
        {"op": "remove", "path": "/e"},
        {"op": "replace", "path": "/a/b~1c", "value": 2},
        {"op": "add", "path": "/a/d/-", "value": 2},
        {"op": "add", "path": "/f", "value": 1},
    ]


JSON = st.recursive(
    st.none() | st.integers(0, 3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b/", "c~"]), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_a_patch_leads_from_one_to_the_other(before: Any, after: Any) -> None:
    assert apply_patch(before, make_patch(before, after)) == after


@pytest.mark.parametrize("app", [application()])
def test_the_answer_is_an_admission_review(app: dict[str, Any]) -> None:
    answer = format_review(review("CREATE", app)["request"], ask("CREATE", app))
    assert (answer["apiVersion"], answer["kind"], answer["response"]["uid"]) == ("admission.k8s.io/v1", "AdmissionReview", "u-1")
    patch = json.loads(base64.b64decode(answer["response"]["patch"]))
    assert {step["op"] for step in patch} == {"add"}
