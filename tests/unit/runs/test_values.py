"""Values come in an order, and a wrong one is named."""

import json
from pathlib import Path

import pytest

from sparkyard.errors import ToolMissing, UsageError
from sparkyard.runs import values
from sparkyard.runs.values import InstallRequest, camel_case, make_values, merge, parse_setting


@pytest.fixture(autouse=True)
def rooms(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    (tmp_path / "images.json").write_text(json.dumps({"spark": "r/spark:1", "spark-operator": "r/op:1"}))
    (tmp_path / "small.yaml").write_text("a: {x: 1, list: [1, 2]}\n")
    monkeypatch.setattr(values, "IMAGES", tmp_path / "images.json")
    monkeypatch.setattr(values, "PRESETS", tmp_path)
    return tmp_path


def test_built_images_preset_files_and_settings_in_this_order(rooms: Path) -> None:
    (rooms / "site.yaml").write_text("a: {list: [3], y: 2}\n")
    made = make_values(InstallRequest([rooms / "site.yaml"], "small", ["a.y=9", "global.images.spark=mine:2"]))
    assert made["a"] == {"x": 1, "list": [3], "y": 9}
    assert made["global"]["images"] == {"spark": "mine:2", "sparkOperator": "r/op:1"}


def test_merging_leaves_its_arguments_alone() -> None:
    base = {"a": {"b": 1}}
    assert merge(base, {"a": {"c": 2}}) == {"a": {"b": 1, "c": 2}}
    assert base == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("text", "value"), [("a.b=true", {"a": {"b": True}}), ("a=[1]", {"a": [1]}), ("a=x=y", {"a": "x=y"}), ("a=", {"a": None})]
)
def test_settings_are_yaml(text: str, value: object) -> None:
    assert parse_setting(text) == value


@pytest.mark.parametrize("text", ["a", "=1"])
def test_a_setting_without_a_key_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--set"):
        parse_setting(text)


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"there are: small"):
        make_values(InstallRequest(preset="huge"))


def test_without_images_the_next_command_is_said(rooms: Path) -> None:
    (rooms / "images.json").unlink()
    with pytest.raises(ToolMissing, match="make images"):
        make_values(InstallRequest())


def test_names_as_the_chart_spells_them() -> None:
    assert [camel_case(name) for name in ("spark", "spark-operator", "local-path-provisioner")] == [
        "spark",
        "sparkOperator",
        "localPathProvisioner",
    ]
