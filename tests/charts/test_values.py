"""Values are a contract: what is not declared is refused by name, what is derived from them agrees."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from charts.render import CHARTS, CI, IMAGES, KUBE_VERSION, NAMES, HelmError, find_chart, helm, render, switch_off
from jsonschema import Draft7Validator

from sparkyard.project import ROOT

FREE = {
    "annotations",
    "config",
    "podLabels",
    "profiles",
    "nodeSelector",
    "env",
    "featureGates",
    "requests",
    "teams",
    "limits",
    "issuerRef",
    "sparkConf",
}  # keys are the user's


def walk(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        yield path, schema
        for key, below in schema.get("properties", {}).items():
            yield from walk(below, f"{path}.{key}")


@pytest.mark.parametrize("chart", NAMES)
def test_every_object_in_a_schema_is_closed(chart: str) -> None:
    schema = json.loads((CHARTS / chart / "values.schema.json").read_text())
    Draft7Validator.check_schema(schema)
    parts = {f".{name}" for name in NAMES} if chart == "sparkyard" else set()  # checked against the part's own schema
    for path, part in walk(schema):
        if part.get("type") == "object" and path not in parts and path.rsplit(".", 1)[-1] not in FREE:
            assert part.get("additionalProperties") is False, path


@pytest.mark.parametrize("chart", NAMES)
def test_every_value_is_described(chart: str) -> None:
    schema = json.loads((CHARTS / chart / "values.schema.json").read_text())
    mute = [path for path, part in walk(schema) if part.get("type") != "object" and not part.get("description")]
    assert not mute


def test_what_is_derived_from_values_is_up_to_date() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "scripts/charts/sync.py"), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.helm
@pytest.mark.parametrize("chart", NAMES)
@pytest.mark.parametrize("wrong", [{"replcias": 3}, {"global": {"storageClas": "fast"}}], ids=["own", "global"])
def test_a_typo_is_refused_by_name(chart: str, wrong: dict[str, Any]) -> None:
    typo = "replcias" if "replcias" in wrong else "storageClas"
    with pytest.raises(HelmError, match=typo):
        render(wrong, chart=chart, files=(IMAGES,))


@pytest.mark.helm
@pytest.mark.parametrize("part", [name for name in NAMES if name != "sparkyard"])
def test_a_typo_below_a_part_of_the_umbrella_is_refused_by_name(part: str) -> None:
    on = {"enabled": True} if part == "crds" else {}  # the one that is off by default
    with pytest.raises(HelmError, match=rf"(?s){part}:.*replcias"):
        render({part: {"replcias": 3, **on}})


REFUSED = {
    "drivers could fill the quota": ({"global": {"jobs": {"quota": {"driverShare": 0.6}}}}, "driverShare"),
    "a prefix without an end": ({"global": {"jobs": {"allowed": {"images": ["registry.example.com/team"]}}}}, "images"),
    "no namespace": ({"global": {"jobs": {"namespaces": []}}}, "namespaces"),
    "a number as text": ({"global": {"apiServer": {"ports": ["https"]}}}, "ports"),
    "an unknown way to pull": ({"global": {"imagePullPolicy": "Sometimes"}}, "imagePullPolicy"),
    "an unknown way to act": ({"jobs": {"admission": {"actions": ["Refuse"]}}}, "actions"),
    "jobs beside the platform": ({"global": {"jobs": {"namespaces": ["sparkyard"]}}}, "global.jobs.namespaces"),
    "root": ({"global": {"runAsUser": 0}}, "runAsUser"),
    "a misspelt switch": ({"global": {"notebooks": {"enabeld": False}}}, "enabeld"),
    "the hub's switch where it is not": ({"jupyterhub": {"enabled": True}, **switch_off("notebooks")}, "jupyterhub/enabled"),
}


@pytest.mark.helm
@pytest.mark.parametrize(("values", "named"), REFUSED.values(), ids=REFUSED.keys())
def test_a_value_out_of_bounds_is_refused_by_name(values: dict[str, Any], named: str) -> None:
    with pytest.raises(HelmError, match=named):
        render(values)


@pytest.mark.helm
def test_a_missing_image_says_which_and_where_it_comes_from() -> None:
    with pytest.raises(HelmError, match=r"global\.images\.\w+ (is|and).*empty"):
        render(files=())


@pytest.mark.helm
@pytest.mark.parametrize("scenario", sorted(CI.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_umbrella_passes_lint(scenario: Path) -> None:
    helm("lint", str(find_chart("sparkyard")), "--strict", "--quiet", "--kube-version", KUBE_VERSION, "--values", str(scenario))


@pytest.mark.helm
@pytest.mark.parametrize("chart", [name for name in NAMES if name != "sparkyard"])
def test_each_chart_passes_lint_alone(chart: str) -> None:
    helm("lint", str(CHARTS / chart), "--strict", "--quiet", "--kube-version", KUBE_VERSION, "--values", str(IMAGES))


def test_the_scenario_with_everything_fills_every_list() -> None:
    values = yaml.safe_load((CI / "everything-values.yaml").read_text())["global"]
    defaults = yaml.safe_load((CHARTS / "sparkyard/values.yaml").read_text())["global"]
    left = [key for key, value in defaults.items() if value in ([], {}, "") and not values.get(key)]
    assert not left
