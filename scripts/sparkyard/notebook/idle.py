"""Before a server ends an idle kernel, the kernel says so below its last cell."""

import os
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

IDLE_ENV, WARNING_ENV = "SPARKYARD_KERNEL_IDLE", "SPARKYARD_KERNEL_WARNING"  # seconds: until it ends, and how long before that it says so
NO_ACTIVITY = "kernel_info_request"  # what answers this is no sign of life to the server; the words would else put the end off


def watch_idle(shell: Any, environ: Mapping[str, str] = os.environ) -> None:
    idle, warning = (float(environ.get(name) or 0) for name in (IDLE_ENV, WARNING_ENV))
    if 0 < warning < idle:
        Watch(shell, idle - warning, warning).start()


class Watch:
    """Begins anew with each cell."""

    def __init__(self, shell: Any, patience: float, left: float) -> None:
        self._shell = shell
        self._patience, self._left = patience, left
        self._timer: threading.Timer | None = None

    def start(self) -> None:
        self._shell.events.register("pre_run_cell", lambda _: self._stop())
        self._shell.events.register("post_run_cell", lambda _: self._begin())

    def _stop(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _begin(self) -> None:
        self._stop()
        cell = dict(self._shell.display_pub.parent_header)  # later it is that of whatever the kernel has been asked last
        words = make_words(datetime.now(UTC), self._left)
        self._timer = threading.Timer(self._patience, show, [self._shell, cell, words])
        self._timer.daemon = True
        self._timer.start()


def make_words(since: datetime, left: float) -> str:
    rest = f"{left / 60:.0f} minute(s)" if left >= 60 else f"{left:.0f} seconds"
    gone = f"in {rest} this kernel ends, and its variables and executors go"
    return f"Nothing has run here since {since:%H:%M} UTC: {gone}. Run a cell to keep it"


def show(shell: Any, cell: dict[str, Any], words: str) -> None:
    """Below the cell whose header this is."""
    from IPython.display import display

    shell.display_pub.set_thread_parent({**cell, "msg_type": NO_ACTIVITY})
    display({"text/plain": words, "text/html": f"<b>{words}</b>"}, raw=True)
