"""A lake on a plain volume or behind an S3 server, writers that are processes of their own, and a reader without a JVM."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from charts.apiserver import die_with_parent, free_port, get_tool, running

from sparkyard import lake
from sparkyard.defaults import lake_conf
from sparkyard.local import cds
from sparkyard.local.catalog import ensure_catalog
from sparkyard.local.conf import make_local_conf
from sparkyard.local.home import cache_dir, ensure_home
from sparkyard.local.java import find_java
from sparkyard.local.launch import find_jars, find_spark, make_command, make_environment
from sparkyard.local.plan import Plan
from sparkyard.project import ROOT
from sparkyard.settings import S3, Catalog, Lake

ROWS = 12_000  # of a batch
KEYS = {"AWS_ACCESS_KEY_ID": "kills", "AWS_SECRET_ACCESS_KEY": "kills-secret"}
# A task for each part of a shuffle, however small: so it takes a while from the first file to the commit.
SLOW = {"spark.sql.adaptive.enabled": "false", "spark.sql.shuffle.partitions": "12", "spark.ui.showConsoleProgress": "false"}


class Seen(NamedTuple):
    """What a reader sees; a table that is not there and one without rows are the same to it."""

    checksum: str = "nothing"
    rows: int = 0
    ids: int = 0


class Lab:
    def __init__(self, home: Path, port: int = 0) -> None:
        self.home, self.port = ensure_home(home), port
        self.jars = find_jars(find_spark())
        archive = cds.archive_path(cache_dir(), find_java(), self.jars)
        self.archive = cds.archive_options(archive, home) if archive.exists() else []
        self.jars += find_s3_jars(self.jars) if port else []  # behind the others, which the archive knows
        self.writers: list[Writer] = []
        self.store = ExitStack()
        ensure_catalog(home)

    def start_store(self) -> None:
        """S3 over the home; `store.close()` stops it."""
        if self.port:
            metadata = self.home.parent / "metadata"
            metadata.mkdir(exist_ok=True)
            access = ["--access", KEYS["AWS_ACCESS_KEY_ID"], "--secret", KEYS["AWS_SECRET_ACCESS_KEY"], "--port", f"127.0.0.1:{self.port}"]
            served = [*access, "--quiet", "posix", "--sidecar", str(metadata), str(self.home)]
            self.store.enter_context(running([str(get_tool("versitygw", "versitygw")), *served], self.home.parent / "server.log"))

    def start_writer(self) -> "Writer":
        self.writers.append(Writer(self, self.home / f"writer-{len(self.writers)}"))
        return self.writers[-1]

    def conf(self, scratch: Path) -> dict[str, str]:
        conf = make_local_conf(self.home, scratch)
        if self.port:
            conf = {key: value for key, value in conf.items() if "viewfs" not in key and key != "spark.hadoop.fs.s3a.impl"}
            catalog = Catalog(uri=conf["spark.sql.catalog.yard.uri"], warehouse="s3a://lake")
            conf |= lake_conf(Lake(s3=S3(endpoint=f"http://127.0.0.1:{self.port}"), catalog=catalog, event_log_dir=""))
        return conf | SLOW

    def catalog(self) -> Any:
        options = {"warehouse": str(self.home / "lake")}
        if self.port:
            options = {"warehouse": "s3a://lake", "s3.endpoint": f"http://127.0.0.1:{self.port}", "s3.region": "us-east-1"}
            options |= {"s3.access-key-id": KEYS["AWS_ACCESS_KEY_ID"], "s3.secret-access-key": KEYS["AWS_SECRET_ACCESS_KEY"]}
        return lake.load_remote_catalog(f"sqlite:///{self.home / 'catalog.db'}", options)

    def commits(self, table: str) -> int:
        """As the catalog has them; making the table is none."""
        with closing(sqlite3.connect(self.home / "catalog.db", timeout=60)) as database:
            query = "SELECT metadata_location FROM iceberg_tables WHERE table_namespace || '.' || table_name = ?"
            row = database.execute(query, [table.removeprefix("yard.")]).fetchone()
        return int(row[0].rpartition("/")[2].split("-")[0]) if row else 0

    def files(self, table: str) -> int:
        """Data files on disk, whether the table refers to them or not."""
        return sum(1 for _ in self.home.joinpath("lake", *table.split(".")[1:], "data").rglob("*.parquet"))

    def live_files(self, table: str) -> int:
        """Data files that the table refers to now."""
        return int(self.catalog().load_table(table.removeprefix("yard.")).inspect.files().num_rows)

    def lose(self, table: str) -> Path:
        """A file of long ago beside those of the table, which nobody refers to."""
        lost = self.home.joinpath("lake", *table.split(".")[1:], "data", "lost.parquet")
        lost.write_text("half a file")
        os.utime(lost, (time.time() - 30 * 86400,) * 2)
        return lost

    def read(self, table: str) -> Seen:
        if table not in lake.list_tables(catalog := self.catalog()):
            return Seen()
        rows = lake.load_table(catalog, table)
        return Seen(lake.checksum(rows), rows.num_rows, len(rows.column("id").unique())) if rows.num_rows else Seen()


class Writer:
    """A script that takes commands, under Spark, in a process group of its own."""

    script = "writer.py"

    def __init__(self, lab: Lab, scratch: Path) -> None:
        scratch.mkdir()
        self.log, pipe = scratch / "log", scratch / "commands"
        os.mkfifo(pipe)
        plan = Plan("kills", "local[2]", 640, "", str(Path(__file__).parent / self.script), [], [str(ROWS), str(pipe)], {}, {}, [])
        command = make_command(find_java(), plan, lab.jars, lab.conf(scratch), scratch, lab.archive)
        environment = make_environment(plan, ROOT / "spark_apps", scratch, scratch.name) | KEYS
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True, preexec_fn=die_with_parent
            )
        self.commands = os.fdopen(os.open(pipe, os.O_RDWR), "w")  # waits for no reader
        self.is_ready = False

    def wait_until_ready(self) -> None:
        self.is_ready = self.is_ready or self.answer() == ""

    def do(self, path: str, table: str, batch: str) -> str:
        self.send(path, table, batch)
        return self.answer()

    def send(self, path: str, table: str, batch: str) -> None:
        self.wait_until_ready()
        print(json.dumps([path, table, batch]), file=self.commands, flush=True)

    def answer(self) -> str:
        """Why the last command failed; empty when it did not."""
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith("DONE "):
                return str(json.loads(line.removeprefix("DONE ")))
        raise AssertionError(f"the writer ended:\n{self.log.read_text()[-3000:]}")

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.commands.close()


def find_s3_jars(known: list[Path]) -> list[Path]:
    command = [sys.executable, str(ROOT / "scripts/images/jars.py"), "--set", "cluster"]
    return [Path(line) for line in subprocess.check_output(command, text=True).split() if Path(line) not in known]


@contextmanager
def run_lab(store: str, folder: Path) -> Iterator[Lab]:
    lab = Lab(folder / "home", free_port() if store == "S3" else 0)
    with ExitStack() as lab.store:
        lab.start_store()
        try:
            yield lab
        finally:
            for writer in lab.writers:
                if writer.process.poll() is None:
                    writer.kill()
