"""`make java`: Java 17 or 21, installed where this machine lets us, else the one command to type."""

import sys

import aptget

from sparkyard.errors import ToolMissing
from sparkyard.local.java import SUPPORTED, find_java, install_command


def install() -> None:
    """The first of the supported ones that this distribution has: Debian 12 has 17, Debian 13 has 21."""
    for major in SUPPORTED:
        package = f"openjdk-{major}-jre-headless"
        print(f"Installing {package} …", flush=True)
        done = aptget.install(package)
        if done.returncode == 0:
            return
    raise ToolMissing(aptget.explain(done), next_command=install_command())


def main() -> int:
    try:
        try:
            find_java()
        except ToolMissing:
            if not aptget.can_install():
                raise
            install()
            find_java()
    except ToolMissing as error:
        print(f"java: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
