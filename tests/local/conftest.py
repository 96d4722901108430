"""The command `sparkyard` as a person types it, in a folder of its own."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
YARD = str(Path(sys.executable).parent / "sparkyard")
MANIFEST = """\
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: {{name: {name}, namespace: spark-jobs}}
spec:
  type: Python
  mode: cluster
  sparkVersion: 4.1.3
  mainApplicationFile: local:///opt/sparkyard/apps/{file}
  driver: {{cores: 1, memory: 400m}}
  executor: {{instances: 1, cores: 1, memory: 112m}}
"""


class Shell:
    """Runs `sparkyard` and never lets a traceback pass."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, *args: str, **env: str) -> "subprocess.Popen[str]":
        heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # as from a terminal: a shell's background ignores it
        pipe = subprocess.PIPE
        return subprocess.Popen([YARD, *args], cwd=self.folder, env=os.environ | env, stdout=pipe, stderr=pipe, text=True, preexec_fn=heard)

    def run(self, *args: str, **env: str) -> "subprocess.CompletedProcess[str]":
        process = self.start(*args, **env)
        out, err = process.communicate(timeout=300)
        assert "Traceback" not in out + err, err
        return subprocess.CompletedProcess(args, process.returncode, out, err)

    def run_ok(self, *args: str, **env: str) -> str:
        done = self.run(*args, **env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def record(self, *args: str, code: int = 0, **env: str) -> dict[str, Any]:
        """`sparkyard run … --json`: stdout is the record and nothing else."""
        done = self.run("run", *args, **env)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)  # type: ignore[no-any-return]

    def app(self, name: str, code: str) -> str:
        """A plain PySpark script with its manifest; what follows none of our conventions runs as well."""
        (self.folder / "spark_apps").mkdir(exist_ok=True)
        (self.folder / "spark_apps" / f"{name}.py").write_text(textwrap.dedent(code))
        manifest = self.folder / f"{name}.yaml"
        manifest.write_text(MANIFEST.format(name=name, file=f"{name}.py"))
        return str(manifest)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture(scope="session")
def windows_manifest() -> str:
    return str(ROOT / "manifests/jobs/events-windows.yaml")


@pytest.fixture
def without_java(tmp_path: Path) -> Callable[[], dict[str, str]]:
    """An environment in which no Java is to be found."""

    def make() -> dict[str, str]:
        (tmp_path / "bin").mkdir()
        return {"PATH": f"{tmp_path / 'bin'}", "JAVA_HOME": ""}

    return make
