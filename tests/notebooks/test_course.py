"""The course: numbered, stripped, for our kernel. That 01 runs, tests/docs proves (its README); that the others do, tests/e2e."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sparkyard.project import ROOT

COURSE = sorted((ROOT / "notebooks").glob("*.ipynb"))


def load(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))


def test_it_is_numbered_without_gaps_and_listed() -> None:
    numbers = [int(path.name.split("-")[0]) for path in COURSE]
    assert numbers == list(range(1, len(COURSE) + 1))
    listed = re.findall(r"\]\((\d\d-[\w-]+\.ipynb)\)", (ROOT / "notebooks/README.md").read_text())
    assert listed == [path.name for path in COURSE]


@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_outputs_are_stripped(path: Path) -> None:
    for cell in load(path)["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_it_is_for_our_kernel(path: Path) -> None:
    name = load(path)["metadata"]["kernelspec"]["name"]
    assert (ROOT / "images/notebook/jupyter/kernels" / name / "kernel.json").exists()


@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_it_knows_no_place(path: Path) -> None:
    source = "".join("".join(cell["source"]) for cell in load(path)["cells"])
    assert not re.search(r"\.master\(|spark\.kubernetes\.|https?://", source)
