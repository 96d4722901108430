"""What the node takes from Debian. Daemons are only unpacked into the cache, so that the machine itself starts and enables none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from place import CACHE
from processes import die_with_parent

sys.path.append(str(Path(__file__).resolve().parents[1] / "setup"))
import aptget

UNPACKED = ("containerd", "runc", "containernetworking-plugins", "docker-registry", "busybox-static")
INSTALLED = {"ip": "iproute2", "iptables": "iptables", "ipset": "ipset", "openssl": "openssl", "nsenter": "util-linux", "mount": "mount"}


class PackagesMissing(Exception):
    """Says what could not be had and what to type."""


def get_unpacked() -> Path:
    """The folder that the daemons are unpacked in: usr/bin/containerd, usr/lib/cni/bridge and so on."""
    target = CACHE / "debian" / "node"
    if target.exists():
        return target
    if not shutil.which("apt-get"):
        raise PackagesMissing(f"the node takes {', '.join(UNPACKED)} from Debian or Ubuntu packages, and this machine has no apt-get")
    draft = target.with_name(f"draft.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    archives = draft / "archives"
    archives.mkdir(parents=True)
    apt("download", *UNPACKED, folder=archives)
    for archive in archives.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", str(archive), str(draft)], check=True)
    shutil.rmtree(archives)
    draft.replace(target)
    return target


def install_missing() -> None:
    missing = sorted({package for command, package in INSTALLED.items() if not shutil.which(command)})
    if missing:
        print(f"installing {', '.join(missing)} …", flush=True)
        apt("install", "--yes", "--no-install-recommends", "--no-remove", *missing)


def apt(*arguments: str, folder: Path = Path("/")) -> None:
    done = aptget.run(*arguments, "-o", "APT::Sandbox::User=root", cwd=folder, preexec_fn=die_with_parent)
    if done.returncode:
        raise PackagesMissing(
            f"`{' '.join(done.args)}` failed; set the machine's package sources right, then run it again:\n{done.stderr.strip()}"
        )
