"""What a raw spark-submit gets: the same pods, by the same rules."""

from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from typer.testing import CliRunner

from sparkyard.cli import app, commands  # noqa: F401
from sparkyard.defaults import apply_defaults
from sparkyard.pod_template import make_pod_template, make_properties
from sparkyard.settings import Images, PlatformSettings

SETTINGS = PlatformSettings(images=Images(spark="yard/spark:1"))


@pytest.mark.parametrize("role", ["driver", "executor"])
def test_is_a_pod_and_the_one_that_an_application_gets(role: str) -> None:
    template = make_pod_template(role, SETTINGS, "spark-jobs")  # type: ignore[arg-type]
    container = template["spec"]["containers"][0]
    whole = {**template, "metadata": {"name": "x"}, "spec": {**template["spec"], "containers": [{**container, "image": "x"}]}}
    kubernetes_validate.validate(whole, "1.34", strict=True)
    assert template["spec"] == apply_defaults({"spec": {}}, SETTINGS)["spec"][role]["template"]["spec"]


def test_properties_name_accounts_image_and_templates_and_nothing_of_the_caller() -> None:
    properties = make_properties(SETTINGS, "spark-jobs", {"driver": "/d.yaml", "executor": "/e.yaml"})
    assert properties["spark.kubernetes.authenticate.driver.serviceAccountName"] == "spark-driver"
    assert properties["spark.kubernetes.container.image"] == "yard/spark:1"
    assert properties["spark.kubernetes.executor.podTemplateFile"] == "/e.yaml"
    assert properties["spark.kubernetes.driver.request.cores"] == "500m"
    assert "spark.master" not in properties


def test_the_command_writes_all_that_spark_submit_needs(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["pod-template", "--out", str(tmp_path / "submit")])
    assert result.exit_code == 0, result.output
    assert sorted(file.name for file in (tmp_path / "submit").iterdir()) == ["driver.yaml", "executor.yaml", "spark-defaults.conf"]
    assert yaml.safe_load((tmp_path / "submit/driver.yaml").read_text())["kind"] == "Pod"
    assert f"podTemplateFile {tmp_path}/submit/driver.yaml\n" in (tmp_path / "submit/spark-defaults.conf").read_text()
