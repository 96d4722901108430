"""Starts the processes that are compared, asks them, and reads what they take: time from here, memory from /proc (so on Linux only)."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from worker import Rows

from sparkyard.local import cds, launch
from sparkyard.local.catalog import ensure_catalog
from sparkyard.local.conf import make_local_conf
from sparkyard.local.home import cache_dir, ensure_home
from sparkyard.local.java import find_java
from sparkyard.local.plan import Plan, make_plan
from sparkyard.local.process import guarded, stop_process
from sparkyard.manifest import load_manifest
from sparkyard.project import ROOT

HERE = Path(__file__).parent
SECONDS_TO_START = 120
SECONDS_TO_DUMP = 600


@dataclass(frozen=True)
class Family:
    """What is asked about: the name of its sample and of its manifests, the job that lands it, and the script of each side."""

    name: str
    landing: str
    ours: str
    usual: str
    duckdb: str


TRACE = Family("trace", "land", "ours.py", "usual.py", "duck.py")


@dataclass
class Lake:
    """One scale's files, and the lake that ours lands them in."""

    home: Path
    scale: float
    family: Family = TRACE

    @property
    def raw(self) -> Path:
        return self.home / "raw" / self.family.name

    def fill(self) -> None:
        yard("sample", self.family.name, "--scale", f"{self.scale:g}", "--out", self.raw)

    def empty(self) -> None:
        shutil.rmtree(self.home / "lake", ignore_errors=True)
        for file in self.home.glob("catalog.db*"):
            file.unlink()
        ensure_catalog(ensure_home(self.home))


def yard(*args: str | Path) -> None:
    subprocess.run([Path(sys.executable).with_name("sparkyard"), *args], check=True)


def ensure_archive(home: Path) -> None:
    """Ours is measured as every run but a machine's first finds it: with the archive of classes that the first one leaves."""
    archive = cds.archive_path(cache_dir(), find_java(), launch.find_jars(launch.find_spark()))
    if archive.exists():
        return
    yard("sample", "events", "--scale", "1", "--out", home / "raw/events")
    yard("run", ROOT / "manifests/jobs/events-windows.yaml", "--home", home)
    for _ in range(SECONDS_TO_DUMP):
        if archive.exists():
            return
        time.sleep(1)
    sys.exit(f"{archive}: not there {SECONDS_TO_DUMP} s after a first run")


def plan_of(family: Family, question: str) -> Plan:
    """As the job's manifest says. A session that stays is, as the landing is, worth the thorough compiler."""
    job = f"{family.name}-{family.landing if question in ('landing', 'session') else question}"
    manifests = ROOT / "manifests/jobs"
    manifest = next(path for name in (job, f"{job}-*") for path in manifests.glob(f"{name}.yaml"))
    return make_plan(load_manifest(manifest), HERE / family.ours, cpus=os.cpu_count() or 1)


def make_command(side: str, lake: Lake, question: str, port: int, scratch: Path) -> tuple[list[str], dict[str, str]]:
    plan, folder = plan_of(lake.family, question), str(lake.raw)
    if side == "ours":
        return make_our_command(plan, lake, port, scratch)
    environment = {name: value for name, value in os.environ.items() if name not in launch.FOREIGN_ENV}
    size = [plan.master, f"{plan.heap}m"] if side == "usual" else []
    file = {"usual": lake.family.usual, "duckdb": lake.family.duckdb}[side]
    return [sys.executable, str(HERE / file), str(port), folder, *size], environment


def make_our_command(plan: Plan, lake: Lake, port: int, scratch: Path) -> tuple[list[str], dict[str, str]]:
    """What `sparkyard run` would start."""
    java, jars = find_java(), launch.find_jars(launch.find_spark())
    archive = cds.archive_path(cache_dir(), java, jars)
    options = cds.archive_options(archive, scratch) if archive.exists() else []
    asked = replace(plan, arguments=[str(port), lake.family.name])
    command = launch.make_command(java, asked, jars, make_local_conf(lake.home, scratch) | plan.conf, scratch, options)
    return command, launch.make_environment(plan, ROOT / "spark_apps", scratch, f"bench-{lake.scale:g}")


class Worker:
    """One process of a side, ready to be asked."""

    def __init__(self, process: "subprocess.Popen[bytes]", link: socket.socket, log: Path) -> None:
        self.process, self.link, self.log = process, link, log
        self.answers = link.makefile("r")

    def ask(self, question: str) -> None:
        """Blocks until the answer is found; `rows` tells it."""
        self.link.sendall(f"{question}\n".encode())
        self.read(question)

    def rows(self) -> Rows:
        return json.loads(self.read("rows"))  # type: ignore[no-any-return]

    def answer(self, question: str) -> Rows:
        self.ask(question)
        return self.rows()

    def read(self, what: str) -> str:
        if line := self.answers.readline():
            return line
        sys.exit(f"{what}: the process has ended; the end of {self.log}:\n{tail(self.log)}")

    def forget_peak(self) -> None:
        """Memory that earlier questions took is no matter of this one, as far as it was given back."""
        for status in self.processes():
            with suppress(OSError):
                (status.parent / "clear_refs").write_text("5")

    def peak(self) -> float:
        """MiB of the side's processes together, each at its highest."""
        peaks = []
        for status in self.processes():
            with suppress(OSError, StopIteration):
                peaks.append(int(next(line for line in status.read_text().splitlines() if line.startswith("VmHWM")).split()[1]))
        return sum(peaks) / 1024

    def cpu(self) -> float:
        """Seconds of CPU that the side's processes have taken: on a machine where others run too, they say more than the clock."""
        ticks = 0
        for status in self.processes():
            with suppress(OSError):
                fields = (status.parent / "stat").read_text().rpartition(")")[2].split()
                ticks += sum(int(field) for field in fields[11:15])  # user and system, its own and of its children that ended
        return ticks / os.sysconf("SC_CLK_TCK")

    def processes(self) -> Iterator[Path]:
        """Each side has a session of its own."""
        for status in Path("/proc").glob("[0-9]*/status"):
            with suppress(ProcessLookupError):
                if os.getsid(int(status.parent.name)) == self.process.pid:
                    yield status


@contextmanager
def started(side: str, lake: Lake, question: str) -> Iterator[tuple[Worker, float]]:
    """A worker, and when it was started."""
    scratch, log = Path(tempfile.mkdtemp(dir=lake.home)), lake.home / f"{side}.log"
    with socket.create_server(("127.0.0.1", 0)) as door, log.open("ab") as said:
        command, environment = make_command(side, lake, question, door.getsockname()[1], scratch)
        begin = time.monotonic()
        process = subprocess.Popen(
            command, env=environment, cwd=scratch, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        )
        try:
            with guarded(process), accept(door, process, log) as link:
                yield Worker(process, link, log), begin
        finally:
            stop_process(process)
            shutil.rmtree(scratch, ignore_errors=True)


def accept(door: socket.socket, process: "subprocess.Popen[bytes]", log: Path) -> socket.socket:
    door.settimeout(1)
    for _ in range(SECONDS_TO_START):
        with suppress(TimeoutError):
            return door.accept()[0]
        if process.poll() is not None:
            break
    sys.exit(f"the process does not answer; the end of {log}:\n{tail(log)}")


def tail(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:]
