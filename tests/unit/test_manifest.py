from pathlib import Path

import pytest

from sparkyard.errors import ManifestError
from sparkyard.manifest import load_manifest, override_arguments, parse_manifest, parse_memory
from sparkyard.names import JOBS_NAMESPACE
from sparkyard.project import ROOT, load_versions

JOBS = sorted((ROOT / "manifests" / "jobs").glob("*.yaml"))


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_a_job_has_one_name_and_says_no_more_than_it_must(path: Path) -> None:
    manifest = load_manifest(path)
    assert manifest.name == path.stem
    assert manifest.namespace == JOBS_NAMESPACE
    assert manifest.get("sparkVersion") == load_versions()["SPARK_VERSION"]
    app = manifest.spec["mainApplicationFile"].removeprefix("local:///opt/sparkyard/apps/")
    assert (ROOT / "spark_apps" / app).is_file()
    domain, _, name = app.removesuffix(".py").partition("/")
    assert f"{domain}-{name}".replace("_", "-") == manifest.name
    assert "image" not in manifest.spec
    assert all(volume.keys() == {"name", "persistentVolumeClaim"} for volume in manifest.get("volumes") or [])
    assert not {"serviceAccount", "securityContext"} & manifest.spec["driver"].keys()


def test_extra_arguments_come_last_and_leave_the_manifest_alone() -> None:
    manifest = load_manifest(ROOT / "manifests/jobs/events-windows.yaml")
    longer = override_arguments(manifest, ["--top", "3"])
    assert longer.get("arguments") == [*manifest.get("arguments"), "--top", "3"]
    assert "--top" not in manifest.get("arguments")


@pytest.mark.parametrize(
    ("text", "mebibytes"), [("512m", 512), ("2g", 2048), ("1Gi", 1024), ("512Mi", 512), ("2048k", 2), ("1t", 1024**2), ("1073741824", 1024)]
)
def test_memory_in_javas_and_in_kubernetes_words(text: str, mebibytes: int) -> None:
    assert parse_memory(text) == mebibytes


@pytest.mark.parametrize("text", ["", "much", "-1g", "1.5g", "1x"])
def test_a_size_that_is_none_is_shown(text: str) -> None:
    with pytest.raises(ManifestError, match=r"m\.yaml:spec: expected a size such as 512m or 2g, found"):
        parse_memory(text, "m.yaml:spec")


def test_two_documents_are_not_one() -> None:
    with pytest.raises(ManifestError, match="found 2 documents"):
        parse_manifest("a: 1\n---\nb: 2", "m.yaml")


def test_an_unknown_manifest_names_its_neighbours() -> None:
    with pytest.raises(ManifestError, match=r"sparkyard run .*events-windows\.yaml"):
        load_manifest(ROOT / "manifests/jobs/nope.yaml")
