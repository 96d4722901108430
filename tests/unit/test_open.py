"""`sparkyard open` and the parts of the platform: each by its chart's own names, and a word where there is none."""

from pathlib import Path
from typing import Any

import pytest
from unit.kube.fake_api import serve

from sparkyard.cli.open import PARTS, open_part
from sparkyard.errors import ClusterError
from sparkyard.kube import Kube
from sparkyard.project import ROOT

CHARTS = {"history": "history", "jupyter": "jupyterhub", "airflow": "airflow"}
EACH = pytest.mark.parametrize("name", PARTS)
POD = {"metadata": {"name": "pod"}, "spec": {"containers": []}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}


@EACH
def test_a_part_is_found_by_the_name_that_its_chart_gives_it(name: str) -> None:
    service = PARTS[name][0]
    assert f" -}}}}{service}{{{{- end }}}}" in (ROOT / "charts" / CHARTS[name] / "templates/_names.tpl").read_text()


@EACH
def test_a_part_that_runs_is_opened(name: str, tmp_path: Path) -> None:
    service, port, *_ = PARTS[name]
    there: dict[str, Any] = {
        f"/api/v1/namespaces/space/services/{service}": {"spec": {"selector": {"app": "x"}, "ports": [{"port": port}]}},
        "/api/v1/namespaces/space/pods": {"items": [POD]},
    }

    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
        known = path.partition("?")[0]
        return (200, there[known]) if known in there else (404, {"message": f"{path} not found"})

    with serve(answer, tmp_path) as path, open_part(Kube(path), "space", name) as local:
        assert local > 0


@EACH
def test_a_part_that_is_not_installed_says_how_it_becomes_so(name: str, tmp_path: Path) -> None:
    _, _, words, switch = PARTS[name]
    with (
        serve(lambda *_: (404, {"message": "not found"}), tmp_path) as path,
        pytest.raises(ClusterError, match="is not installed") as error,
        open_part(Kube(path), "space", name),
    ):
        pass
    assert (error.value.where, error.value.next_command) == (words, f"sparkyard install --reuse-values --set {switch}=true")
