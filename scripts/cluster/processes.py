"""Processes known by pid and start time, so that a pid that was used again is never taken for ours."""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1


def get_start_time(pid: int) -> int | None:
    """Ticks since boot at which the process began; None if there is none (a zombie counts as none)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def is_alive(identity: dict[str, int] | None) -> bool:
    return identity is not None and get_start_time(identity["pid"]) == identity["start"]


def kill(identity: dict[str, int], timeout: float = 60) -> None:
    """SIGKILL it and wait until it is gone. The init of a PID namespace takes every process in it along."""
    if not is_alive(identity):
        return
    handle = os.pidfd_open(identity["pid"])
    try:
        if is_alive(identity):  # the handle was taken before this look, so it is still the same process
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)
    wait_until(lambda: not is_alive(identity), timeout, f"process {identity['pid']} to end")


def die_with_parent() -> None:
    """For preexec_fn: a helper does not outlive the command that started it, not even by kill -9."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_until(condition: Callable[[], bool], timeout: float, what: str, pause: float = 0.05) -> None:
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {timeout:.0f} s for {what}")
        time.sleep(pause)


def remove_cgroups(name: str) -> None:
    """The cgroups below /NAME in every hierarchy, leaves first. A process that just died leaves its cgroup a moment later."""

    def left() -> bool:
        roots = [root for pattern in (f"*/{name}", name) for root in Path("/sys/fs/cgroup").glob(pattern) if root.is_dir()]
        for root in roots:
            for folder, _, _ in os.walk(root, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
        return any(root.exists() for root in roots)

    wait_until(lambda: not left(), 30, f"the cgroups {name} to empty", pause=0.2)
