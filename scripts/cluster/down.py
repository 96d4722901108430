"""Takes a cluster away, to the last process, mount, namespace and cgroup, whatever state it is in."""

import contextlib
import shutil
import subprocess
from pathlib import Path

from place import Place, read_json
from processes import kill, remove_cgroups


def tear_down(place: Place) -> bool:
    """True if there was anything. Mounts and pods' namespaces need no list: they live in the node's namespaces and go with pid 1."""
    init = read_json(place.init)
    found = place.life.exists() or place.netns_file.exists()
    if init:
        kill(init)
    if place.netns_file.exists():
        remove_netns(place)
    remove_cgroups(place.netns)
    for file in (place.kubeconfig, place.env_file):
        file.unlink(missing_ok=True)
    if place.life.exists():
        shutil.rmtree(place.life)
    return found


def remove_netns(place: Place) -> None:
    """A crash of `ip netns add` leaves the file without a namespace behind it, and ip will not delete that."""
    subprocess.run(["ip", "netns", "delete", place.netns], capture_output=True)
    place.netns_file.unlink(missing_ok=True)
    folder = Path("/run/netns")
    if not any(folder.iterdir()):  # ip mounts this folder on itself for the first namespace and leaves it so
        subprocess.run(["umount", str(folder)], capture_output=True)
        with contextlib.suppress(OSError):
            folder.rmdir()
