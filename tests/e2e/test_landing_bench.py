"""`make bench-io`'s landing on a share that our agent has mounted, as a pod of the node sees it; its figures are told with `-s`."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from e2e.test_shares import agent, samba  # noqa: F401  (fixtures)

from sparkyard.project import ROOT

pytestmark = [pytest.mark.cluster, pytest.mark.images, pytest.mark.helm, pytest.mark.java, pytest.mark.long, pytest.mark.timeout(3600)]
ON_NODE = "/var/lib/sparkyard/e2e-shares/e2e-data/files"


@pytest.mark.parametrize("words", [("--mib", "1024"), ("--small", "5000"), ("--rows", "1000000")], ids=" ".join)
def test_the_landing_is_measured_on_a_mounted_share(agent: Any, words: tuple[str, str]) -> None:  # noqa: F811
    bench = [sys.executable, str(ROOT / "scripts/bench/landing.py"), "--share", ON_NODE, *words]
    on_node = [sys.executable, str(ROOT / "scripts/cluster/main.py"), "exec", "--", *bench]
    done = subprocess.run(on_node, capture_output=True, text=True, timeout=3000)
    print(done.stdout)
    assert done.returncode == 0, done.stderr[-3000:]
    assert not Path(ON_NODE).exists(), "seen by the node alone"
    told = {"--mib": "large files, 1024 MiB: landing / plain copy", "--small": "5,000 small files landed in", "--rows": "in place / landed"}
    assert told[words[0]] in done.stdout
