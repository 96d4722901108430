"""Real API servers, of the version of our node and, where time allows, the newest supported, take every object of every scenario."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from charts.apiserver import EACH_VERSION, Api, run_apiserver
from charts.render import CI, FOREIGN, load_crds, render

from sparkyard.project import ROOT

pytestmark = [pytest.mark.helm, pytest.mark.apiserver]
Object = dict[str, Any]


@pytest.fixture(scope="module", params=EACH_VERSION)
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with run_apiserver(request.param, tmp_path_factory.mktemp("apiserver")) as api:
        crds = load_crds()
        api.apply([*crds, *map(make_foreign_crd, FOREIGN.glob("*.yaml"))])
        for crd in crds:
            api.kubectl("wait", "--for=condition=Established", "--timeout=30s", f"crd/{crd['metadata']['name']}")
        yield api


def make_foreign_crd(path: Path) -> Object:
    """As much of another project's CRD as it takes to accept its objects; test_install checks their fields."""
    kind, _, group = path.stem.partition(".")
    plural = "ciliumnetworkpolicies" if kind == "CiliumNetworkPolicy" else f"{kind.lower()}s"
    version = yaml.safe_load(path.read_text())["properties"]["apiVersion"]["const"].rpartition("/")[2]
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "annotations": {"api-approved.kubernetes.io": "unapproved, of a test"}},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [{"name": version, "served": True, "storage": True, "schema": schema}],
        },
    }


@pytest.mark.parametrize("scenario", sorted(CI.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_server_takes_every_object(api: Api, scenario: Path) -> None:
    objects = render(files=(scenario,))
    spaces = {item["metadata"].get("namespace") for item in objects} - {None}
    api.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in sorted(spaces)])
    taken = api.apply(objects, "--dry-run=server")
    assert taken.count("serverside-applied (server dry run)") == len(objects)


def test_the_server_knows_an_application_by_our_crds(api: Api) -> None:
    for manifest in sorted((ROOT / "manifests/jobs").glob("*.yaml")):
        application = yaml.safe_load(manifest.read_text())
        application["metadata"]["namespace"] = "default"
        api.apply([application], "--dry-run=server")
        application["spec"]["drivr"] = {}
        done = api.kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", given=application)
        assert 'unknown field "spec.drivr"' in done.stderr
