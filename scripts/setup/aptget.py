"""Debian's packages, for every script that installs some. Needs no package of Python: some run before there is an environment."""

import os
import shutil
import subprocess
from typing import Any


def can_install() -> bool:
    return os.geteuid() == 0 and bool(shutil.which("apt-get"))


def install(*packages: str) -> "subprocess.CompletedProcess[str]":
    return run("install", "-y", "--no-install-recommends", *packages)


def run(*arguments: str, **how: Any) -> "subprocess.CompletedProcess[str]":
    """Once with the package lists that there are, once more with new ones. What came of it, or of the lists where they could not be had."""
    done = _run_once(*arguments, **how)
    if done.returncode == 0:
        return done
    updated, done = _run_once("update", **how), _run_once(*arguments, **how)
    return updated if done.returncode and updated.returncode else done


def _run_once(*arguments: str, **how: Any) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(["apt-get", "-qq", *arguments], env=environment, capture_output=True, text=True, **how)


def explain(done: "subprocess.CompletedProcess[str]") -> str:
    return f"apt-get {done.args[2]} failed: {done.stderr.strip()[-500:]}"
