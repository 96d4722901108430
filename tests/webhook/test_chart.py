"""The chart and the code agree: what values.yaml says by default is what the settings are by default."""

import pytest
import yaml
from tests.webhook.test_apiserver import load_crds, render_chart

from sparkyard.check import fields
from sparkyard.project import ROOT, load_versions
from sparkyard.settings import Images, PlatformSettings, parse_settings

pytestmark = pytest.mark.helm


def test_default_values_are_the_default_settings() -> None:
    config = next(document for document in render_chart() if "settings.yaml" in document.get("data", {}))
    settings = parse_settings(config["data"]["settings.yaml"])
    images = Images(spark="registry.test/spark:1", allowed=("registry.test/spark:", "registry.test/spark@"))
    assert settings == PlatformSettings(images=images, spark_version=load_versions()["SPARK_VERSION"])


def test_the_values_name_the_pinned_spark() -> None:
    values = yaml.safe_load((ROOT / "charts/defaults/values.yaml").read_text())
    assert values["settings"]["sparkVersion"] == load_versions()["SPARK_VERSION"]


def test_the_webhook_is_asked_about_job_namespaces_and_new_specs_only() -> None:
    (webhook,) = next(document for document in render_chart() if document["kind"] == "MutatingWebhookConfiguration")["webhooks"]
    assert webhook["namespaceSelector"]["matchExpressions"][0]["values"] == ["spark-jobs"]
    assert [condition["name"] for condition in webhook["matchConditions"]] == ["spec-is-new"]
    assert (webhook["failurePolicy"], webhook["reinvocationPolicy"], webhook["sideEffects"]) == ("Fail", "Never", "None")
    assert {resource for rule in webhook["rules"] for resource in rule["resources"]} == {"sparkapplications", "scheduledsparkapplications"}


@pytest.mark.apiserver
def test_the_check_knows_the_fields_of_the_crds() -> None:
    crds = {crd["spec"]["names"]["kind"]: crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for crd in load_crds()}
    spec = crds["SparkApplication"]["properties"]["spec"]
    assert set(spec["properties"]) == fields.SPEC
    assert set(spec["properties"]["driver"]["properties"]) == fields.DRIVER
    assert set(spec["properties"]["executor"]["properties"]) == fields.EXECUTOR
    assert set(fields.REQUIRED) == set(spec["required"])
    assert set(crds["ScheduledSparkApplication"]["properties"]["spec"]["properties"]) == fields.SCHEDULED
