"""What every notebook server of ours has, in the cluster and alone. Times come from the environment, which the hub sets."""

import os
from pathlib import Path

c = get_config()  # noqa: F821  # Jupyter defines it

# Every kernel is ours: plain Python is what it is until somebody uses `spark`.
c.MultiKernelManager.default_kernel_name = "spark"
c.KernelSpecManager.ensure_native_kernel = False
c.KernelSpecManager.allowed_kernelspecs = {"spark"} | ({"spark-connect"} if "SPARKYARD_CONNECT" in os.environ else set())
c.ServerApp.root_dir = str(Path.home())

# Takes executors away whose kernel has ended, and leads to each kernel's Spark UI.
c.ServerApp.jpserver_extensions = {"sparkyard.notebook.server": True}

# An idle kernel goes, and its executors with it; one whose cell runs is not idle. A server without kernels goes after that.
c.MappingKernelManager.cull_idle_timeout = int(os.environ.get("SPARKYARD_KERNEL_IDLE", "0"))
c.MappingKernelManager.cull_interval = 30
c.MappingKernelManager.cull_connected = True
c.TerminalManager.cull_inactive_timeout = int(os.environ.get("SPARKYARD_KERNEL_IDLE", "0"))
c.ServerApp.shutdown_no_activity_timeout = int(os.environ.get("SPARKYARD_SERVER_IDLE", "0"))

# The course, for people to change: what is there already is theirs.
course, mine = Path("/opt/sparkyard/course"), Path.home() / "course"
mine.mkdir(exist_ok=True)
for notebook in course.glob("*.ipynb"):
    if not (mine / notebook.name).exists():
        (mine / notebook.name).write_bytes(notebook.read_bytes())
