"""Values come in an order, and a wrong one is named."""

import json
from pathlib import Path

import pytest

from sparkyard.errors import ToolMissing, UsageError
from sparkyard.runs import values
from sparkyard.runs.values import InstallRequest, camel_case, list_lost, load_defaults, make_values, merge, parse_setting


@pytest.fixture(autouse=True)
def rooms(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    (tmp_path / "images.json").write_text(json.dumps({"spark": "r/spark:1", "spark-operator": "r/op:1"}))
    (tmp_path / "small.yaml").write_text("a: {x: 1, list: [1, 2]}\n")
    monkeypatch.setattr(values, "IMAGES", tmp_path / "images.json")
    monkeypatch.setattr(values, "PRESETS", tmp_path)
    return tmp_path


def test_built_images_presets_files_and_settings_in_this_order(rooms: Path) -> None:
    (rooms / "more.yaml").write_text("a: {x: 5}\n")
    (rooms / "site.yaml").write_text("a: {list: [3], y: 2}\n")
    made = make_values(InstallRequest([rooms / "site.yaml"], ["small", "more"], ["a.y=9", "global.images.spark=mine:2"]))
    assert made["a"] == {"x": 5, "list": [3], "y": 9}
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
        make_values(InstallRequest(presets=["huge"]))


def test_without_images_the_next_command_is_said(rooms: Path) -> None:
    (rooms / "images.json").unlink()
    with pytest.raises(ToolMissing, match="make images"):
        make_values(InstallRequest())


GIVEN = {
    "a": {"x": 1, "list": [1, 2]},
    "lake": {"s3": {"size": "500Gi"}, "enabled": True},
    "global": {"images": {"spark": "r/spark:0", "sparkOperator": "r/op:1"}, "shares": [{"name": "risk"}], "nodeSelector": {"disk": "fast"}},
}


def test_the_same_values_again_lose_nothing() -> None:
    given = make_values(InstallRequest(presets=["small"]))
    assert list_lost(given, make_values(InstallRequest(presets=["small"]))) == []
    assert list_lost(given, make_values(InstallRequest(presets=["small"], settings=["a.x=2", "a.new=1"]))) == []
    assert list_lost({}, given) == []


def test_what_a_command_leaves_out_is_named_by_path() -> None:
    lost = list_lost(GIVEN, make_values(InstallRequest(presets=["small"], settings=["airflow.enabled=false"])))
    assert lost == ["global.nodeSelector.disk", "global.shares", "lake.s3.size"], "lake.enabled is so by default"


def test_a_value_that_is_set_to_nothing_is_not_lost() -> None:
    assert (
        list_lost(GIVEN, make_values(InstallRequest(presets=["small"], settings=["lake=null", "global={shares: [], nodeSelector: null}"])))
        == []
    )


def test_values_of_before_stay_below_the_new_ones() -> None:
    made = make_values(InstallRequest(presets=["small"], settings=["lake.s3.size=1Ti"], reuse=True), GIVEN)
    assert made["lake"] == {"s3": {"size": "1Ti"}, "enabled": True}
    assert made["global"] == GIVEN["global"] | {"images": {"spark": "r/spark:1", "sparkOperator": "r/op:1"}}, (
        "and images are the built ones"
    )
    assert list_lost(GIVEN, made) == []


def test_an_image_that_the_charts_no_longer_know_is_not_lost() -> None:
    given = {"global": {"images": {"spark": "r/spark:0", "formerly": "r/formerly:1", "postgres": "r/postgres:1"}}}
    assert list_lost(given, make_values(InstallRequest())) == ["global.images.postgres"]


@pytest.mark.parametrize("ref", ["site:5000/r/spark@sha256:ab", "site:5000/spark:1", "site/spark"])
def test_an_image_that_a_site_has_named_itself_is_a_value_too(ref: str) -> None:
    given = {"global": {"images": {"spark": ref}}}
    assert list_lost(given, make_values(InstallRequest())) == ["global.images.spark"]
    assert make_values(InstallRequest(), given)["global"]["images"]["spark"] == ref
    other = make_values(InstallRequest(settings=["global.images.spark=other/spark:3"]), given)
    assert (list_lost(given, other), other["global"]["images"]["spark"]) == ([], "other/spark:3")


def test_defaults_are_those_of_the_parts_too() -> None:
    defaults = load_defaults()
    assert (defaults["airflow"]["enabled"], defaults["jobs"]["networkPolicies"]["scrapePorts"]) == (True, [4040, 8090])


def test_names_as_the_chart_spells_them() -> None:
    assert [camel_case(name) for name in ("spark", "spark-operator", "local-path-provisioner")] == [
        "spark",
        "sparkOperator",
        "localPathProvisioner",
    ]
