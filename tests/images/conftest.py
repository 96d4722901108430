"""The built images, opened: a command inside one, its configuration, its files."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from sparkyard.project import ROOT

sys.path.insert(0, str(ROOT / "scripts" / "images"))
from engine import Engine, find_engine
from jars import cache_dir


@dataclass(frozen=True)
class Image:
    name: str
    ref: str  # as this machine's storage knows it, without the registry
    engine: Engine
    container: str  # buildah works in one; docker and podman make one a command

    def run(
        self, *command: str, user: str = "", env: dict[str, str] | None = None, timeout: float = 180
    ) -> subprocess.CompletedProcess[str]:
        options = [word for key, value in (env or {}).items() for word in ("--env", f"{key}={value}")]
        options += ["--user", user] if user else []
        if self.engine.is_buildah:
            words = ["run", "--isolation", "chroot", *options, self.container, "--", *command]
        else:
            words = ["run", "--rm", "--entrypoint", command[0], *options, self.ref, *command[1:]]
        return self.engine.run(*words, check=False, timeout=timeout)

    def ask(self, script: str, user: str = "") -> str:
        done = self.run("sh", "-c", script, user=user)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @property
    def config(self) -> dict[str, object]:
        return self.engine.get_config(self.ref)


@contextmanager
def open_image(name: str, ref: str, engine: Engine) -> Iterator[Image]:
    if not engine.get_id(ref):
        pytest.fail(f"{ref} is in build/images.json, but not on this machine: make images")
    container = engine.run("from", "--pull=false", ref).stdout.strip() if engine.is_buildah else ""
    try:
        yield Image(name, ref, engine, container)
    finally:
        if container:
            engine.run("rm", container)


@pytest.fixture(scope="session")
def image() -> Iterator[Callable[[str], Image]]:
    """A built image by its name in build/images.json."""
    refs = json.loads((ROOT / "build" / "images.json").read_text())
    engine = find_engine(cache_dir().parent)
    opened: dict[str, Image] = {}
    with ExitStack() as stack:

        def get(name: str) -> Image:
            if name not in opened:
                ref = refs[name][refs[name].index("sparkyard/") :]
                opened[name] = stack.enter_context(open_image(name, ref, engine))
            return opened[name]

        yield get
