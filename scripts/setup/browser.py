"""A browser for the tests of pages: Debian's Chromium and its driver, installed where this machine lets us."""

import shutil
import sys

import aptget

PACKAGES = ["chromium", "chromium-driver", "fonts-dejavu-core"]


def main() -> int:
    if shutil.which("chromium") and shutil.which("chromedriver"):
        return 0
    if not aptget.can_install():
        print(f"browser: not installed here. Next: apt-get install {' '.join(PACKAGES)}", file=sys.stderr)
        return 3
    print("Installing Chromium …", flush=True)
    done = aptget.install(*PACKAGES)
    if done.returncode:
        print(f"browser: {aptget.explain(done)}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
