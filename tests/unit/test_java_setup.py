"""`make java` on distributions that have another Java than ours, played by an apt-get of our own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sparkyard.project import ROOT

APT = """#!/bin/sh
case "$*" in
*install*openjdk-{there}-*) echo '#!/bin/sh\necho "openjdk version \\"{there}\\"" >&2' > {folder}/java; /bin/chmod +x {folder}/java ;;
*install*) echo "E: Unable to locate package" >&2; exit 100 ;;
esac
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs")
@pytest.mark.parametrize(("there", "code"), [(17, 0), (21, 0), (11, 3)])
def test_the_java_that_the_distribution_has_is_taken(tmp_path: Path, there: int, code: int) -> None:
    apt = tmp_path / "apt-get"
    apt.write_text(APT.format(there=there, folder=tmp_path))
    apt.chmod(0o755)
    command = [sys.executable, str(ROOT / "scripts/setup/java.py")]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert ("Unable to locate" in done.stderr) == (code != 0)
