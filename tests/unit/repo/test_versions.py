"""images/versions.env is the one place for versions: everything else must agree with it."""

import re
import tomllib

import pytest
import yaml

from sparkyard import __version__
from sparkyard.project import ROOT, load_versions

VERSIONS = load_versions()
GO_MODULES = {
    "helm": ("helm.sh/helm/v3", "HELM_VERSION"),
    "kubernetes": ("k8s.io/kubernetes", "KUBERNETES_VERSION"),
    "kube-apiserver-newest": ("k8s.io/kubernetes", "KUBERNETES_NEWEST_VERSION"),
    "etcd": ("go.etcd.io/etcd/server/v3", "ETCD_VERSION"),
    "coredns": ("github.com/coredns/coredns", "COREDNS_VERSION"),
    "kube-router": ("github.com/cloudnativelabs/kube-router/v2", "KUBE_ROUTER_VERSION"),
    "local-path-provisioner": ("github.com/rancher/local-path-provisioner", "LOCAL_PATH_PROVISIONER_VERSION"),
    "spark-operator": ("github.com/kubeflow/spark-operator/v2", "SPARK_OPERATOR_VERSION"),
    "crds": ("github.com/kubeflow/spark-operator/v2", "SPARK_OPERATOR_VERSION"),
    "versitygw": ("github.com/versity/versitygw", "VERSITYGW_VERSION"),
    "rclone": ("github.com/rclone/rclone", "RCLONE_VERSION"),
}


def read_go_mod(tool: str) -> str:
    return (ROOT / "scripts" / "gotools" / tool / "go.mod").read_text()


@pytest.mark.parametrize("tool", GO_MODULES)
def test_go_module_requires_the_pinned_version(tool: str) -> None:
    module, key = GO_MODULES[tool]
    assert re.search(rf"^(?:require\s+|\s+){re.escape(module)} v{re.escape(VERSIONS[key])}(?:\s|$)", read_go_mod(tool), re.MULTILINE)


def test_the_volume_provisioner_is_compiled_from_the_modules_of_kubernetes() -> None:
    """What both use is compiled once: 100 s of CPU less on a machine without caches."""
    required = re.compile(r"^\s+(\S+) (v\S+)", re.MULTILINE)
    ours, theirs = (dict(required.findall(read_go_mod(tool))) for tool in ("local-path-provisioner", "kubernetes"))
    assert {name: version for name, version in ours.items() if theirs.get(name, version) != version} == {}


def test_every_go_program_is_in_the_table() -> None:
    modules = {path.parent.name for path in (ROOT / "scripts" / "gotools").glob("*/go.mod")}
    assert modules - {"pause"} == set(GO_MODULES)


def test_python_packages_follow() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"pyspark=={VERSIONS['SPARK_VERSION']}" in project["optional-dependencies"]["local"]
    assert project["version"] == __version__


def test_manifests_follow() -> None:
    for path in sorted((ROOT / "manifests" / "jobs").glob("*.yaml")):
        assert yaml.safe_load(path.read_text())["spec"]["sparkVersion"] == VERSIONS["SPARK_VERSION"], path.name


def test_charts_follow() -> None:
    app_version = {"spark-operator": VERSIONS["SPARK_OPERATOR_VERSION"], "crds": VERSIONS["SPARK_OPERATOR_VERSION"]}
    for path in sorted((ROOT / "charts").glob("*/Chart.yaml")):
        chart = yaml.safe_load(path.read_text())
        assert str(chart["appVersion"]) == app_version.get(chart["name"], __version__), path
        assert chart["version"] == __version__, path


def test_changelog_opens_with_this_version() -> None:
    headings = re.findall(r"^## \[?(\d[^\] ]*)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == __version__


def test_dockerfiles_take_versions_as_arguments() -> None:
    pinned = {value for key, value in VERSIONS.items() if value.count(".") >= 2 and key != "SPARKYARD_VERSION"}
    for path in sorted((ROOT / "images").glob("*/Dockerfile")):
        found = [version for version in pinned if version in path.read_text()]
        assert not found, f"{path}: {found} belong into images/versions.env"
