"""`helm template`, parsed, and every object checked against its schema before it is handed out."""

import copy
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from jsonschema import Draft202012Validator

from sparkyard.project import ROOT, load_versions

Object = dict[str, Any]
CHARTS = ROOT / "charts"
UMBRELLA = CHARTS / "sparkyard"
CI = UMBRELLA / "ci"
PRESETS = UMBRELLA / "presets"
FOREIGN = Path(__file__).parent / "schemas"  # kinds of other projects, as far as our charts use them
NAMES = sorted(path.parent.name for path in CHARTS.glob("*/Chart.yaml"))
KUBE_VERSION = load_versions()["KUBERNETES_VERSION"]
IMAGES = CI / "default-values.yaml"


class HelmError(Exception):
    """What was run and what helm said."""

    def __init__(self, command: list[str], stderr: str) -> None:
        super().__init__(f"$ {' '.join(command)}\n{stderr}")
        self.stderr = stderr


def helm(*arguments: str) -> str:
    command = [str(find_helm()), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise HelmError(command, done.stderr + done.stdout)
    return done.stdout


@cache
def find_helm() -> Path:
    build = [sys.executable, str(ROOT / "scripts/gotools/build.py"), "--path", "helm"]
    built = subprocess.run(build, stdout=subprocess.PIPE, text=True)
    return Path(built.stdout.strip() or shutil.which("helm") or "helm")


@cache
def find_chart(name: str) -> Path:
    """The chart; the umbrella as a copy with its parts packed anew, since helm ignores edits of file:// parts otherwise."""
    if name != "sparkyard":
        return CHARTS / name
    load_crds()
    copied = Path(tempfile.mkdtemp(prefix="sparkyard-charts-"))
    shutil.copytree(CHARTS, copied, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.tgz", "tmpcharts*"))
    helm("dependency", "update", str(copied / name), "--skip-refresh")
    return copied / name


def render(
    values: Object | None = None,
    *,
    chart: str = "sparkyard",
    files: Iterable[Path] = (IMAGES,),
    kube: str = KUBE_VERSION,
    namespace: str = "sparkyard",
    apis: Iterable[str] = (),
) -> list[Object]:
    """All objects of a chart, checked; later files win over earlier ones, `values` over all. `apis`: what this cluster has besides."""
    return copy.deepcopy(_render(json.dumps(values or {}, sort_keys=True), chart, tuple(files), kube, namespace, tuple(apis)))


@cache
def _render(values: str, chart: str, files: tuple[Path, ...], kube: str, namespace: str, apis: tuple[str, ...]) -> list[Object]:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as last:
        last.write(values)
        last.flush()
        options = [option for path in (*files, last.name) for option in ("--values", str(path))]
        options += [option for api in apis for option in ("--api-versions", api)]
        text = helm("template", "sparkyard", str(find_chart(chart)), "--namespace", namespace, "--kube-version", kube, *options)
    objects = [item for item in yaml.load_all(text, Loader=yaml.CSafeLoader) if item]
    for item in objects:
        validate(json.dumps(item), kube)
    return objects


def switch_off(*parts: str) -> Object:
    """The values that leave these parts out."""
    off = {part: {"enabled": False} for part in parts}
    return {"global": {"notebooks": off.pop("notebooks")}, **off} if "notebooks" in parts else off


kubernetes_validate.utils.schema_contents = cache(kubernetes_validate.utils.schema_contents)  # megabytes, read anew for each object


@cache
def validate(text: str, kube: str) -> None:
    """An object, as JSON: most are the same in one rendering and the next."""
    item = json.loads(text)
    group = item["apiVersion"].partition("/")[0]
    foreign = FOREIGN / f"{item['kind']}.{group}.yaml"
    if foreign.exists():
        Draft202012Validator(load_schema(foreign)).validate(item)
    elif group.endswith("sparkoperator.k8s.io"):
        Draft202012Validator(load_crd_schema(item["kind"])).validate(item)
    else:
        kubernetes_validate.validate(item, ".".join(kube.split(".")[:2]), strict=True)


@cache
def load_schema(path: Path) -> Object:
    return dict(yaml.safe_load(path.read_text()))


@cache
def load_crds() -> list[Object]:
    """The operator's CRDs, made anew: what lies there may be of another version."""
    subprocess.run([sys.executable, str(ROOT / "scripts/charts/crds.py")], check=True, stdout=subprocess.DEVNULL)
    return [yaml.load(path.read_text(), Loader=yaml.CSafeLoader) for path in sorted((ROOT / "build/crds").glob("*.yaml"))]


@cache
def load_crd_schema(kind: str) -> Object:
    [found] = [crd for crd in load_crds() if crd["spec"]["names"]["kind"] == kind]
    return dict(found["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


def pick(objects: list[Object], kind: str, name: str, namespace: str = "") -> Object:
    found = [
        item
        for item in objects
        if item["kind"] == kind and item["metadata"]["name"] == name and namespace in ("", item["metadata"].get("namespace"))
    ]
    assert len(found) == 1, f"expected one {kind} {namespace}/{name}, found {len(found)} among {sorted(names(objects))}"
    return found[0]


def names(objects: list[Object]) -> set[tuple[str, str]]:
    """(kind, namespace/name), as an installation is written down."""
    return {(item["kind"], "/".join(filter(None, (item["metadata"].get("namespace"), item["metadata"]["name"])))) for item in objects}


def list_pods(objects: list[Object]) -> dict[str, Object]:
    """The pod template of each workload by kind/name."""
    specs = {f"{item['kind']}/{item['metadata']['name']}": item.get("spec", {}) for item in objects}
    made = {name: spec.get("jobTemplate", {}).get("spec", spec) for name, spec in specs.items()}
    return {name: spec["template"] for name, spec in made.items() if "template" in spec}


def list_containers(template: Object) -> list[Object]:
    return [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]
