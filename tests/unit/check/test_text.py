"""A file's findings stand on their lines, all at once, in the formats that people and machines read."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sparkyard.check import check_text
from sparkyard.check.sarif import format_sarif
from sparkyard.cli import app, commands  # noqa: F401
from sparkyard.errors import ManifestError
from sparkyard.settings import PlatformSettings

TEXT = """\
# two documents
apiVersion: v1
kind: ConfigMap
metadata: {name: x}
---
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata:
  name: Two
  namespace: spark-jobs
spec:
  type: Python
  type: Python
  sparkVersion: 4.1.3
  mainApplicationFile: local:///opt/sparkyard/apps/hello/hello.py
  sparkConf:
    spark.master: local
  driver: {memory: 512m}
  executor:
    memory: 1Gi
"""


def test_every_finding_at_once_each_on_its_line() -> None:
    findings = check_text(TEXT, "two.yaml", PlatformSettings())
    assert [(finding.rule, finding.line) for finding in findings] == [
        ("name", 9),
        ("repeated-key", 13),
        ("denied-property", 17),
        ("quantity", 20),
    ]


def test_a_missing_thing_stands_where_it_should_be() -> None:
    findings = check_text(TEXT.replace("  namespace: spark-jobs\n", ""), "two.yaml", PlatformSettings())
    assert ("namespace", 8) in {(finding.rule, finding.line) for finding in findings}


@pytest.mark.parametrize("text", ["", "kind: ConfigMap\n", "- 1\n", "just words"])
def test_a_file_without_an_application_is_a_finding(text: str) -> None:
    assert [finding.rule for finding in check_text(text, "x.yaml", PlatformSettings())] == ["kind"]


def test_broken_yaml_is_one_clear_message() -> None:
    with pytest.raises(ManifestError, match=r"is not YAML.*line 1"):
        check_text("a: [", "x.yaml", PlatformSettings())


def test_sarif_names_file_line_and_rule() -> None:
    findings = check_text(TEXT, "two.yaml", PlatformSettings())
    run = format_sarif({"two.yaml": findings}, "1")["runs"][0]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("two.yaml", 9)
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {finding.rule for finding in findings}


def test_the_command_line_exits_4_and_prints_json(tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(TEXT)
    result = CliRunner().invoke(app, ["check", str(file), "--json", "--sarif", str(tmp_path / "s.sarif")])
    assert isinstance(result.exception, ManifestError)
    assert result.exception.exit_code == 4
    assert {finding["line"] for finding in json.loads(result.stdout)} == {9, 13, 17, 20}
    assert json.loads((tmp_path / "s.sarif").read_text())["version"] == "2.1.0"
