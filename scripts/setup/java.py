"""`make java`: Java 17 or 21, installed where this machine lets us, else the one command to type."""

import os
import shutil
import subprocess
import sys

from sparkyard.errors import ToolMissing
from sparkyard.local.java import SUPPORTED, find_java, install_command

APT = ["apt-get", "-qq", "-y"]


def install() -> None:
    """The first of the supported ones that this distribution has: Debian 12 has 17, Debian 13 has 21."""
    run([*APT, "update"])
    for major in SUPPORTED:
        package = f"openjdk-{major}-jre-headless"
        print(f"Installing {package} …", flush=True)
        done = run([*APT, "install", "--no-install-recommends", package])
        if done.returncode == 0:
            return
    raise ToolMissing(f"`{' '.join(done.args)}` failed: {done.stderr.strip()[-500:]}", next_command=install_command())


def run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"}, capture_output=True, text=True)


def main() -> int:
    try:
        try:
            find_java()
        except ToolMissing:
            if os.geteuid() or not shutil.which("apt-get"):
                raise
            install()
            find_java()
    except ToolMissing as error:
        print(f"java: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
