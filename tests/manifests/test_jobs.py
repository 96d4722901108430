"""Every declared job keeps the rules, says nothing that the platform says, and bears the name of its code."""

from pathlib import Path

import pytest
import yaml

from sparkyard.check import check_text
from sparkyard.names import APPS_DIR, JOBS_NAMESPACE, job_name
from sparkyard.project import ROOT, load_versions
from sparkyard.settings import PlatformSettings

JOBS = sorted((ROOT / "manifests" / "jobs").glob("*.yaml"))
APPS = frozenset(str(file.relative_to(ROOT / "spark_apps")) for file in (ROOT / "spark_apps").rglob("*.py"))
PLATFORM_FIELDS = {"image", "imagePullPolicy", "timeToLiveSeconds", "memoryOverheadFactor"}
PLATFORM_POD_FIELDS = {"serviceAccount", "securityContext", "podSecurityContext", "priorityClassName", "template"}


@pytest.mark.parametrize("file", JOBS, ids=lambda file: file.stem)
def test_there_is_nothing_to_say_against(file: Path) -> None:
    settings = PlatformSettings(spark_version=load_versions()["SPARK_VERSION"])
    assert check_text(file.read_text(), str(file), settings, APPS) == []


@pytest.mark.parametrize("file", JOBS, ids=lambda file: file.stem)
def test_one_job_has_one_name(file: Path) -> None:
    job = yaml.safe_load(file.read_text())
    domain, app = job["spec"]["mainApplicationFile"].removeprefix(f"local://{APPS_DIR}/").removesuffix(".py").split("/")
    assert job["metadata"] == {"name": job_name(domain, app), "namespace": JOBS_NAMESPACE}
    assert file.stem == job["metadata"]["name"]


@pytest.mark.parametrize("file", JOBS, ids=lambda file: file.stem)
def test_repeats_nothing_that_the_platform_sets(file: Path) -> None:
    spec = yaml.safe_load(file.read_text())["spec"]
    assert not PLATFORM_FIELDS & set(spec)
    assert not PLATFORM_POD_FIELDS & (set(spec["driver"]) | set(spec["executor"]))
