"""What an installation consists of: written down once, so that nothing comes or goes unnoticed."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from charts.render import CI, IMAGES, PRESETS, HelmError, find_chart, helm, list_containers, list_pods, load_crds, names, render, switch_off

from sparkyard import names as known

pytestmark = pytest.mark.helm
Object = dict[str, Any]

BLOCKS = [block.splitlines() for block in (Path(__file__).parent / "default-installation.txt").read_text().split("\n\n")]
PARTS = {part.strip("[]"): {tuple(line.split()) for line in lines} for part, *lines in BLOCKS}
NEEDS = {"lake": "airflow", "defaults": "notebooks"}  # whom one cannot leave out alone


def listed(objects: list[Object]) -> set[tuple[str, ...]]:
    """With the hash in a Job's name as a star."""
    return {(kind, re.sub(r"[0-9a-f]{8}$", "*", name) if kind == "Job" else name) for kind, name in names(objects)}


def test_the_default_installation_is_what_is_written_down() -> None:
    objects = render()
    assert listed(objects) == set().union(*PARTS.values())
    assert len(objects) == len(names(objects)), "an object is rendered twice"


@pytest.mark.parametrize("part", [part for part in PARTS if part != "umbrella"])
def test_what_is_switched_off_is_absent(part: str) -> None:
    off = {part, NEEDS.get(part, part)}
    assert listed(render(switch_off(*off))) == set().union(*PARTS.values()) - set().union(*(PARTS[each] for each in off))


@pytest.mark.parametrize("part", NEEDS)
def test_what_another_part_cannot_do_without_is_refused_with_what_to_set(part: str) -> None:
    with pytest.raises(HelmError, match=rf"set .*{NEEDS[part]}\.enabled to false"):
        render(switch_off(part))


def test_airflow_with_a_database_of_the_site_s_or_outside_needs_no_lake() -> None:
    for airflow in ({"database": {"host": "db.example.com"}}, {"rightsOnly": True}):
        assert ("ServiceAccount", "sparkyard/airflow") in names(render({"lake": {"enabled": False}, "airflow": airflow}))


def test_who_reads_the_lake_and_whom_the_operator_serves_follows_from_the_notebooks() -> None:
    """And goes with them, teams or not."""
    notebooks = {"namespace": "lab", "teams": {"sales": {}}}
    on, off = (names(render({"global": {"notebooks": {**notebooks, "enabled": enabled}}})) for enabled in (True, False))
    given = {("Secret", f"lab/lake-{what}-read") for what in ("s3", "catalog")} | {("Role", "lab/spark-operator-controller")}
    assert given <= on
    assert not [name for _, name in off if name.startswith("lab")]
    assert ("Role", "spark-notebooks/spark-operator-controller") not in names(render()), "without teams it has nothing to do there"


@pytest.mark.parametrize("off", [(), ("notebooks",), ("airflow",), ("notebooks", "airflow")], ids="-".join)
def test_the_notes_say_how_to_log_in_to_what_is_there(tmp_path: Path, off: tuple[str, ...]) -> None:
    chart = shutil.copytree(find_chart("sparkyard"), tmp_path / "sparkyard")
    (chart / "templates/said.yaml").write_text('kind: Said\nnotes: {{ include (print .Template.BasePath "/NOTES.txt") . | toJson }}\n')
    (tmp_path / "off.json").write_text(json.dumps(switch_off(*off)))
    files = ["--values", str(IMAGES), "--values", str(tmp_path / "off.json")]
    text = helm("template", "sparkyard", str(chart), "-n", "sparkyard", *files, "--show-only", "templates/said.yaml")
    said = yaml.safe_load(text)["notes"]
    told = {"notebooks": "get secret jupyter-passwords -n sparkyard", "airflow": "get secret airflow -n sparkyard"}
    assert {part for part, words in told.items() if words in said} == set(told) - set(off)
    assert "Next:" in said


def test_with_secrets_of_the_site_s_own_each_rendering_is_the_same() -> None:
    """GitOps: what renders without a cluster cannot look up what it made before."""
    own = {"existingSecret": "mine"}
    values = {
        "global": {"lake": {"postgresqlSecret": "mine"}},
        "lake": {"s3": own},
        "jobs": {"rpc": {"existing": True}},
        "defaults": {"certManager": {"enabled": True}},
        "jupyterhub": {"hub": own, "login": own},
        "airflow": {"login": own},
    }
    first, again = (render(values, kube=kube) for kube in ("1.35.4", "1.36.3"))
    assert first == again


def test_crds_come_with_the_release_only_when_asked_for() -> None:
    crds = [item for item in render({"crds": {"enabled": True}}) if item["kind"] == "CustomResourceDefinition"]
    assert {crd["spec"]["names"]["kind"] for crd in crds} == {"SparkApplication", "ScheduledSparkApplication", "SparkConnect"}
    assert all(crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for crd in crds)
    assert [crd["spec"] for crd in crds] == [crd["spec"] for crd in load_crds()], "their text passes through Helm unchanged"


def test_namespaces_enforce_restricted_and_outlive_the_release() -> None:
    for item in (item for item in render() if item["kind"] == "Namespace"):
        assert item["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
        assert item["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert not [item for item in render({"global": {"createNamespaces": False}}) if item["kind"] == "Namespace"]


@pytest.mark.parametrize("scenario", sorted(CI.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_object_says_whose_it_is_and_no_selector_holds_a_version(scenario: Any) -> None:
    for item in render(files=(scenario,)):
        if item["kind"] != "CustomResourceDefinition":
            assert item["metadata"]["labels"]["app.kubernetes.io/part-of"] == "sparkyard", item["metadata"]["name"]
            assert item["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
        selector = item.get("spec", {}).get("selector") or {}
        labels = selector.get("matchLabels", selector)
        assert not {"helm.sh/chart", "app.kubernetes.io/version"} & labels.keys()


def test_names_are_those_that_the_command_line_knows() -> None:
    found = names(render())
    jobs = known.JOBS_NAMESPACE
    expected = {("Namespace", name) for name in (jobs, known.PLATFORM_NAMESPACE, known.NOTEBOOKS_NAMESPACE)}
    expected |= {("PriorityClass", known.DRIVER_PRIORITY_CLASS), ("Service", f"{known.PLATFORM_NAMESPACE}/{known.JUPYTER_SERVICE}")}
    expected |= {("Secret", f"{jobs}/{name}") for name in (known.S3_SECRET, known.S3_INGEST_SECRET, known.CATALOG_SECRET, known.RPC_SECRET)}
    expected |= {("ServiceAccount", f"{jobs}/{name}") for name in (known.DRIVER_ACCOUNT, known.EXECUTOR_ACCOUNT, known.SUBMIT_ACCOUNT)}
    assert expected <= found


def test_small_node_leaves_half_of_two_cores_to_jobs() -> None:
    objects = render(files=(IMAGES, PRESETS / "small-node.yaml"))
    assert count_cores(objects) <= 0.5
    assert not [item for item in objects if item["kind"] == "PodDisruptionBudget"], "a budget over one replica blocks every drain"
    left_out = [item for item in names(objects) if "jupyter" in item[1] or "notebook" in item[1] or "airflow" in item[1]]
    assert left_out == [("Secret", "sparkyard/lake-s3-airflow")], "the lake's key for it, which it finds when it comes"


def test_a_small_node_takes_everything_too() -> None:
    small = (IMAGES, PRESETS / "small-node.yaml")
    everything = render(files=(*small, PRESETS / "everything.yaml"))
    assert listed(everything) - listed(render(files=small)) == PARTS["notebooks"] | PARTS["airflow"]
    assert count_cores(everything) <= 1


def count_cores(objects: list[Object]) -> float:
    return sum(
        cpu(container["resources"]["requests"]["cpu"]) * item["spec"].get("replicas", 1)
        for item in (item for item in objects if item["kind"] in ("Deployment", "StatefulSet", "Job"))
        for container in item["spec"]["template"]["spec"]["containers"]
    )


def cpu(quantity: str) -> float:
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def test_every_image_comes_from_the_values() -> None:
    images = {c["image"] for pod in list_pods(render()).values() for c in list_containers(pod)}
    assert all(image.startswith("registry.example.com/sparkyard/") for image in images)
