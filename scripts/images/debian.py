"""The base image: the public one where a registry answers, else the same Debian made by mmdebstrap under the same name."""

import shutil
import subprocess
import time
from pathlib import Path

from engine import Engine, install_packages

from sparkyard.errors import YardError
from sparkyard.project import load_versions

PROBE_SECONDS = 60
# What the public slim image leaves out too, now and in every later apt-get.
LEFT_OUT = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/lintian/*",
    "/usr/share/linda/*",
)


def ensure_base(engine: Engine, cache: Path, fresh: bool) -> str:
    release = load_versions()["DEBIAN_RELEASE"]
    ref = f"debian:{release}-slim"
    if engine.get_id(ref) and not fresh:
        return ref
    if engine.pull(ref, PROBE_SECONDS):
        return ref
    tar = cache / "base" / f"{release}.tar"
    if fresh or not tar.exists():
        make_root(release, tar)
    engine.import_root(tar, ref)
    return ref


def make_root(release: str, tar: Path) -> None:
    if not shutil.which("mmdebstrap"):
        install_packages("mmdebstrap", "debian-archive-keyring")
    print("base: no registry answers; making the Debian root with mmdebstrap …", flush=True)
    start = time.monotonic()
    tar.parent.mkdir(parents=True, exist_ok=True)
    part = tar.with_suffix(".part.tar")
    excluded = [f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT]
    clean = '--customize-hook=rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/var/log/* "$1"/usr/share/doc/*'
    # Merged /usr from the start, as in the public image: merging it later takes all of Perl.
    merged = ["--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr", "--include=usr-is-merged"]
    command = ["mmdebstrap", "--variant=minbase", *merged, *excluded, clean, release, str(part)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise YardError(f"mmdebstrap failed:\n{done.stderr[-2000:]}", where=f"base image debian:{release}-slim")
    part.rename(tar)
    print(f"base: made in {time.monotonic() - start:.0f} s, {tar.stat().st_size >> 20} MB, kept at {tar}", flush=True)
