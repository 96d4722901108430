"""`make bench-io`, the landing: a share landed in raw against a plain copy of the same bytes through the same mount, in pairs in one run.

Give the folder of a mounted share (--share): files are made in it, read, and taken away. Without one a folder of this disk stands in,
which says nothing of a network. Before each reading the page cache forgets the files. Also: 100,000 small files landed (--small), with the
time to the first word and the peak of memory; a query on files in place against the same on landed tables (--rows).

  python scripts/bench/landing.py --share /mnt/risk --mib 1024 --pairs 3
  python scripts/bench/landing.py --small 100000
  python scripts/bench/landing.py --rows 1000000       in place against landed
"""

import argparse
import contextlib
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import session
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from session import quietly, timed

from sparkyard.local.catalog import ensure_catalog
from sparkyard.local.home import ensure_home
from sparkyard.project import ROOT
from sparkyard.samples.losses import make_files

sys.path.insert(0, str(ROOT / "spark_apps"))
import sharebook
from losses import land as losses_land
from share import land

LARGE = 4  # files
FOLDER = "sparkyard-bench"


def forget(folder: Path) -> None:
    """What the page cache holds of these files; a mount without a cache has nothing to forget."""
    for file in folder.rglob("*"):
        if file.is_file():
            handle = os.open(file, os.O_RDONLY)
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def fill_large(folder: Path, mib: int) -> None:
    for number in range(LARGE):
        with (folder / f"large-{number}.bin").open("wb") as file:
            for _ in range(mib // LARGE):
                file.write(os.urandom(1 << 20))


def compare_copies(spark: SparkSession, share: Path, home: Path, mib: int, pairs: int) -> None:
    """Alternating, each into an empty place. Of the landing three things are timed: its tasks, with the book of files, all of the job."""
    folder, ratios = share / FOLDER, []
    fill_large(folder, mib)
    for pair in range(1, pairs + 1):
        forget(folder)
        plain = timed(lambda: subprocess.run(["cp", "-r", str(folder), str(home / "plain")], check=True))
        shutil.rmtree(home / "plain")
        forget(folder)
        spent = land_timed(spark)
        reset(spark, home)
        ratios.append([plain / seconds for seconds in spent])
        words = ", ".join(f"{mib / seconds:.0f}" for seconds in spent)
        print(f"pair {pair}: plain copy {mib / plain:.0f} MiB/s; landing: tasks, with book, whole job {words} MiB/s", flush=True)
    tasks, book, job = (statistics.median(column) for column in zip(*ratios, strict=True))
    print(f"large files, {mib} MiB: landing / plain copy: median {tasks:.2f} (with book {book:.2f}, whole job {job:.2f})", flush=True)


def land_timed(spark: SparkSession) -> tuple[float, float, float]:
    copy_round, tasks, told = land.copy_round, [0.0], {}

    def copy_timed(*args: Any) -> Any:
        begin = time.monotonic()
        outcomes = copy_round(*args)
        tasks[0] += time.monotonic() - begin
        return outcomes

    land.copy_round = copy_timed
    try:
        whole = timed(lambda: told.update(quietly(lambda: run_landing(spark))))
    finally:
        land.copy_round = copy_round
    assert told["rows"]["written"] == LARGE, told
    return tasks[0], told["phases"]["copy"], whole


def run_landing(spark: SparkSession) -> dict[str, Any]:
    return land.main(["--share", "bench", "--folder", FOLDER, "--settle", "0"], spark)


def reset(spark: SparkSession, home: Path) -> None:
    spark.sql(f"DROP TABLE IF EXISTS {sharebook.FILES} PURGE")
    shutil.rmtree(home / "raw/bench", ignore_errors=True)


def land_small(share: Path, home: Path, files: int) -> None:
    """In a process of its own, as a user starts it: what it says first and when, and the most memory it took."""
    folder = share / FOLDER
    for number in range(files):
        place = folder / f"{number // 1000:03d}"
        place.mkdir(exist_ok=True)
        (place / f"small file {number}.csv").write_bytes(b"id,name\n%d,one\n" % number)
    command = [str(Path(sys.executable).with_name("sparkyard")), "run", str(ROOT / "manifests/jobs/share-land.yaml"), "--home", str(home)]
    command += ["--json", "--", "--share", "bench", "--folder", FOLDER, "--settle", "0"]
    for turn in ("landed", "looked at again"):
        begin = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        peak, told = watch(process, home, begin)
        seconds, phases = time.monotonic() - begin, ", ".join(f"{name} {took:.1f}" for name, took in told["phases"].items())
        print(f"{files:,} small files {turn} in {seconds:.1f} s ({phases}), at most {peak:,} MiB in Java and Python together", flush=True)
        assert told["facts"]["files"] == files, told


def watch(process: "subprocess.Popen[str]", home: Path, begin: float) -> tuple[int, dict[str, Any]]:
    """Follows the log for the first word of progress, and /proc for memory; that, and what the job told."""
    peak, first, before = 0, False, set(list_logs(home))
    while process.poll() is None:
        peak = max(peak, memory(process.pid))
        if not first and any("files" in log.read_text(errors="replace") for log in set(list_logs(home)) - before):
            first = True
            print(f"first word of progress after {time.monotonic() - begin:.1f} s, the start of Spark included", flush=True)
        time.sleep(0.25)  # it costs the one that is watched
    said = process.stdout.read() if process.stdout else ""
    if process.returncode:
        sys.exit(f"share-land failed: {said}")
    return peak, json.loads(said)["summary"]


def list_logs(home: Path) -> Iterator[Path]:
    return (home / "runs").glob("*/driver.log")


def memory(pid: int) -> int:
    """MiB of a process and all below it."""
    total = 0
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) >> 10
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += sum(memory(int(child)) for child in (task / "children").read_text().split())
    return total


def compare_reading(spark: SparkSession, share: Path, home: Path, rows: int, pairs: int) -> None:
    """A sum by layer: from CSV files where they lie, with a declared schema, and from the landed table."""
    import losskit

    folder = share / FOLDER
    for name, content in make_files(rows / 100_000):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    quietly(lambda: run_landing(spark))
    landing = timed(lambda: quietly(lambda: losses_land.main(["--input", f"s3a://raw/bench/{FOLDER}"], spark)))
    places = {
        "in place": lambda: spark.read.schema(losskit.IN_FILES).csv(f"file://{folder}/*/", header=True, mode="FAILFAST"),
        "landed": lambda: spark.table(losskit.ROWS).withColumnRenamed("LayerID", "LayerId"),
    }
    sums: dict[str, dict[int, float]] = {}
    seconds: dict[str, list[float]] = {name: [] for name in places}
    for _ in range(pairs + 1):
        for name, rows_of in places.items():
            forget(folder)
            seconds[name].append(timed(lambda name=name, rows_of=rows_of: sums.update({name: sum_by_layer(rows_of())})))  # type: ignore[misc]
    if not agree(*sums.values()):
        sys.exit(f"the sums differ: {sums}")
    medians = {name: statistics.median(times[1:]) for name, times in seconds.items()}
    print(
        f"{rows:,} rows: landing to the table {landing:.1f} s, once; then a sum by layer: "
        + ", ".join(f"{n} {s:.2f} s" for n, s in medians.items())
    )
    print(f"in place / landed: {medians['in place'] / medians['landed']:.1f}x")


def sum_by_layer(rows: DataFrame) -> dict[int, float]:
    return dict(rows.groupBy("LayerId").agg(F.sum("Layer")).collect())


def agree(one: dict[int, float], other: dict[int, float]) -> bool:
    return one.keys() == other.keys() and all(math.isclose(one[key], other[key], rel_tol=1e-9) for key in one)


@contextlib.contextmanager
def place(share: Path | None) -> Iterator[tuple[Path, Path]]:
    """The share and a home on this disk; both empty, and gone afterwards."""
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as scratch:
        home = ensure_home(Path(scratch) / "home")
        ensure_catalog(home)
        root = share or Path(scratch) / "share"
        (root / FOLDER).mkdir(parents=True)
        (home / "shares/bench").mkdir(parents=True)
        (home / "shares/bench/files").symlink_to(root)
        os.environ["SPARKYARD_SHARES"] = str(home / "shares")
        try:
            yield root, home
        finally:
            shutil.rmtree(root / FOLDER, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=Path, help="folder of a mounted share; a folder of this disk without")
    parser.add_argument("--mib", type=int, default=1024, help="size of the large files together")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--small", type=int, default=0, help="land so many small files instead")
    parser.add_argument("--rows", type=int, default=0, help="compare reading so many rows in place and landed instead")
    args = parser.parse_args()
    with place(args.share) as (share, home):
        if args.small:
            land_small(share, home, args.small)
            return
        spark = session.start(home, "512m")
        quietly(lambda: land.main(["--share", "bench", "--pattern", "nothing"], spark))  # what only the first run has to load
        if args.rows:
            compare_reading(spark, share, home, args.rows, args.pairs)
        else:
            compare_copies(spark, share, home, args.mib, args.pairs)
        spark.stop()


if __name__ == "__main__":
    main()
