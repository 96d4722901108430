"""`make bench-io`: a table into PostgreSQL, three ways, on the same machine, rows and server, in turn.

publish  our job, whole, into a table that holds the rows of the time before: with stage, transaction, counts and ledger
append   Spark as it is usually used for it: df.write.jdbc, mode append, as many connections, the driver's defaults
copy     PostgreSQL's COPY of the same rows from a file that lies ready: what the server takes at most from one connection

Every way begins with a session that has done it once, and a target without indexes. Times are seconds of the clock: let nothing else run.

  python scripts/bench/io.py --rows 1000000 --rounds 3
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from sparkyard.project import ROOT

sys.path.insert(0, str(ROOT / "spark_apps"))
sys.path.insert(0, str(ROOT / "scripts" / "dev"))
import postgres
import session
from pyspark.sql import SparkSession

TABLE = "yard.refined.bench_publish"
COLUMNS = (
    "id",
    "timestamp_millis(1700000000000 + id * 977) AS at",
    "concat('action-', id % 50) AS action",
    "CAST(id % 100000 / 7 AS DECIMAL(18, 4)) AS amount",
    "rand(7) AS share",
    "IF(id % 10 = 0, NULL, sha2(CAST(id AS STRING), 224)) AS note",
)
SETTINGS = ("max_wal_size=8GB", "shared_buffers=512MB", "checkpoint_timeout=1h")


class Bench:
    def __init__(self, spark: SparkSession, server: postgres.Server, folder: Path, rows: int) -> None:
        self.spark, self.server, self.file, self.rows = spark, server, folder / "rows", rows
        self.link = psycopg.connect(server.dsn(), autocommit=True)
        spark.sql("CREATE NAMESPACE IF NOT EXISTS yard.refined")
        self.change()

    def change(self) -> None:
        """A new snapshot of the same rows."""
        self.spark.range(0, self.rows, 1, 4).selectExpr(*COLUMNS).writeTo(TABLE).using("iceberg").createOrReplace()

    def publish(self) -> None:
        from sql import publish

        done = publish.main(["--table", TABLE, "--to", "bench", "--into", "public.published"], self.spark)
        assert done["rows"]["written"] == self.rows, done

    def append(self) -> None:
        options = {"url": f"jdbc:postgresql://localhost:{self.server.port}/postgres?sslmode=disable", "dbtable": "public.appended"}
        options |= {"user": "postgres", "password": postgres.PASSWORD, "driver": "org.postgresql.Driver"}
        self.spark.table(TABLE).write.format("jdbc").options(**options).mode("append").save()

    def copy(self) -> None:
        with self.link.transaction(), self.link.cursor().copy("COPY public.copied FROM STDIN") as stream, self.file.open("rb") as file:
            while block := file.read(1 << 20):
                stream.write(block)

    def prepare(self) -> None:
        """Once each, unmeasured: targets are there, classes are loaded, and the file of rows is what publish wrote."""
        self.publish()
        for name in ("appended", "copied"):
            self.link.execute(f"CREATE TABLE public.{name} (LIKE public.published)")
        with self.file.open("wb") as file, self.link.cursor().copy("COPY public.published TO STDOUT") as stream:
            for block in stream:
                file.write(block)
        self.append()
        self.copy()

    def measure(self, way: Callable[[], None]) -> float:
        if way == self.publish:
            self.change()
        else:
            self.link.execute(f"TRUNCATE public.{'appended' if way == self.append else 'copied'}")
        self.link.execute("CHECKPOINT")
        begin = time.monotonic()
        way()
        seconds = time.monotonic() - begin
        print(f"{way.__name__:8} {seconds:7.2f} s {self.rows / seconds:10,.0f} rows/s", flush=True)
        return seconds

    def compare(self) -> None:
        """All three targets hold the same rows."""
        summed = "SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM public.{} AS t"
        found = {name: self.link.execute(summed.format(name)).fetchone() for name in ("published", "appended", "copied")}
        if len(set(found.values())) > 1:
            sys.exit(f"the targets differ: {found}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the table (1000000)")
    parser.add_argument("--rounds", type=int, default=3, help="each way so often, in turn (3)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, postgres.serve(54329, None, *SETTINGS) as server:
        os.environ["SPARKYARD_CONNECTIONS"] = folder
        Path(folder, "bench.toml").write_text(server.connection())
        spark = session.start(Path(folder) / "home", "2g")
        bench = Bench(spark, server, Path(folder), args.rows)
        bench.prepare()
        ways = [bench.publish, bench.append, bench.copy]
        times = {way.__name__: [] for way in ways}
        for _ in range(args.rounds):
            for way in ways:
                times[way.__name__].append(bench.measure(way))
        bench.compare()
        spark.stop()
    middle = {name: statistics.median(seconds) for name, seconds in times.items()}
    print(f"publish is {middle['append'] / middle['publish']:.2f} × as fast as append (goal: 3)")
    print(f"publish is {middle['copy'] / middle['publish']:.2f} × as fast as copy (goal: 0.5)")


if __name__ == "__main__":
    main()
