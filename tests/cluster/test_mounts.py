"""What the node's own folders must not hide."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparkyard.project import ROOT

pytestmark = pytest.mark.netns

LOOK = """
from namespaces import CACHE, arrange_mounts
from place import Place
place = Place("looked-at")
arrange_mounts(place)
print((CACHE / "program").read_text())
(CACHE / "program").write_text("changed inside")
(place.life / "var/seen").touch()
assert CACHE.joinpath("cluster/looked-at/life/var/seen").exists()
"""


@pytest.fixture
def cache() -> Iterator[Path]:
    """Below /var, as it is where a build server has its home there."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        yield Path(folder)


def test_a_cache_below_var_is_seen_inside_though_the_node_has_a_var_of_its_own(cache: Path) -> None:
    (cache / "program").write_text("built before")
    command = ["unshare", "--mount", "--pid", "--fork", sys.executable, "-c", LOOK]
    environment = {**os.environ, "SPARKYARD_CACHE": str(cache), "PYTHONPATH": str(ROOT / "scripts/cluster")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "built before"
    assert (cache / "program").read_text() == "changed inside"
