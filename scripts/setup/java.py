"""`make java`: Java 17, installed where this machine lets us, else the one command to type."""

import os
import shutil
import subprocess
import sys

from sparkyard.errors import ToolMissing
from sparkyard.local.java import find_java

PACKAGE = "openjdk-17-jre-headless"


def install() -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    print(f"Installing {PACKAGE} …", flush=True)
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "--no-install-recommends", PACKAGE]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise ToolMissing(f"`{' '.join(command)}` failed: {done.stderr.strip()[-500:]}", next_command=" ".join(command))


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
