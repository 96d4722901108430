"""A browser for the tests of pages: Debian's Chromium and its driver, installed where this machine lets us."""

import os
import shutil
import subprocess
import sys

PACKAGES = ["chromium", "chromium-driver", "fonts-dejavu-core"]


def main() -> int:
    if shutil.which("chromium") and shutil.which("chromedriver"):
        return 0
    if os.geteuid() or not shutil.which("apt-get"):
        print(f"browser: not installed here. Next: apt-get install {' '.join(PACKAGES)}", file=sys.stderr)
        return 3
    print("Installing Chromium …", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
        done = subprocess.run(["apt-get", "-qq", *command], env=environment, capture_output=True, text=True)
        if done.returncode:
            print(f"browser: apt-get {command[0]} failed: {done.stderr.strip()[-500:]}", file=sys.stderr)
            return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
