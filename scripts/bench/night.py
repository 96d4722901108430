"""`make bench-io`, the night: the losses job from the files of a share to a SQL table, ours against what is usual, on the same files.

ours   share-land, losses-land, losses-curves, sql-publish, as four runs of the command `sparkyard`, each with its start
usual  a Python script that reads CSV and inserts row by row into a staging table, one transaction a file, and stored procedures that
       compute the same curves in PostgreSQL. Without pandas, which would make each row slower, and on the database's own machine

The curves of both sides are compared, read back from PostgreSQL, before a ratio is printed.

  python scripts/bench/night.py --rows 1000000
"""

import argparse
import csv
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from sparkyard.project import ROOT
from sparkyard.samples.losses import HEADER, ITERATIONS, make_files

sys.path.insert(0, str(ROOT / "scripts" / "dev"))
import postgres

PORT = 54331
PERIODS = [2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 5000, 10000]
INTS = {"Iteration", "EventSetTypeId", "Day", "EventID", "EventSetID", "TagID", "LayerId", "Phantom", "BindingId"}
STAGING = ", ".join(f'"{name}" {"bigint" if name in INTS else "double precision"}' for name in HEADER.split(","))
PROCEDURES = f"""
CREATE TABLE staging (snapshot text, {STAGING});
CREATE TABLE years (snapshot text, region bigint, layer bigint, total double precision, largest double precision);
CREATE TABLE usual_curves (snapshot text, region bigint, layer bigint, period int, average double precision, deviation double precision,
                           occurrence double precision, aggregate double precision);
CREATE PROCEDURE make_years() LANGUAGE sql AS $$
    TRUNCATE years;
    INSERT INTO years
    SELECT snapshot, region, layer, sum(loss), max(loss)
    FROM (SELECT snapshot, "EventSetTypeId" AS region, "LayerId" AS layer, "Iteration" AS year, sum("Layer") AS loss
          FROM staging GROUP BY 1, 2, 3, 4, "Day", "EventSetID", "EventID") AS occurrences GROUP BY 1, 2, 3, year;
$$;
CREATE PROCEDURE make_curves(n int) LANGUAGE sql AS $$
    TRUNCATE usual_curves;
    INSERT INTO usual_curves
    WITH ranked AS (SELECT *, row_number() OVER (PARTITION BY snapshot, region, layer ORDER BY total DESC) AS by_total,
                              row_number() OVER (PARTITION BY snapshot, region, layer ORDER BY largest DESC) AS by_largest FROM years),
         means AS (SELECT snapshot, region, layer, sum(total) / n AS mean FROM years GROUP BY 1, 2, 3),
         groups AS (SELECT means.*, sqrt((sum((total - mean) ^ 2) + (n - count(*)) * mean ^ 2) / (n - 1)) AS deviation
                    FROM years JOIN means USING (snapshot, region, layer) GROUP BY 1, 2, 3, mean),
         points AS (SELECT groups.*, period, ceil(n::numeric / period) AS place FROM groups, unnest(ARRAY{PERIODS}) AS periods(period))
    SELECT snapshot, region, layer, period, mean, deviation, greatest(coalesce(o.largest, 0), 0), greatest(coalesce(a.total, 0), 0)
    FROM points
    LEFT JOIN (SELECT snapshot, region, layer, by_largest AS place, largest FROM ranked) AS o USING (snapshot, region, layer, place)
    LEFT JOIN (SELECT snapshot, region, layer, by_total AS place, total FROM ranked) AS a USING (snapshot, region, layer, place);
$$;
"""
OURS = """SELECT snapshot, "RegionID", "LayerID", return_period, average_annual_loss, standard_deviation, occurrence_loss, aggregate_loss
    FROM curves"""
SERVER = ("max_wal_size=8GB", "shared_buffers=512MB")


def run_usual(share: Path, link: "psycopg.Connection[Any]") -> dict[str, float]:
    seconds = {}
    insert = f"INSERT INTO staging VALUES ({', '.join(['%s'] * 18)})"
    begin = time.monotonic()
    link.execute("TRUNCATE staging")
    for file in sorted(share.rglob("*.csv")):
        with link.transaction(), file.open(newline="", encoding="utf-8") as text, link.cursor() as cursor:
            rows = csv.reader(text)
            next(rows)
            for row in rows:
                cursor.execute(insert, [file.parent.name, *row])
    seconds["row by row"] = time.monotonic() - begin
    begin = time.monotonic()
    link.execute("CALL make_years()")
    link.execute(f"CALL make_curves({ITERATIONS})")
    seconds["procedures"] = time.monotonic() - begin
    return seconds


def run_ours(home: Path) -> dict[str, float]:
    publish = ["--", "--table", "yard.refined.losses_curves", "--to", "bench", "--into", "public.curves"]
    seconds = {}
    for job, more in {"share-land": [], "losses-land": [], "losses-curves": [], "sql-publish": publish}.items():
        command = [Path(sys.executable).with_name("sparkyard"), "run", ROOT / f"manifests/jobs/{job}.yaml", "--home", home, *more]
        begin = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True)
        seconds[job] = time.monotonic() - begin
        if done.returncode:
            sys.exit(f"{job}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return seconds


def compare(link: "psycopg.Connection[Any]") -> int:
    sides = [sorted(link.execute(query).fetchall()) for query in (OURS, "SELECT * FROM usual_curves")]
    for ours, usual in zip(*sides, strict=True):
        if ours[:4] != usual[:4] or not all(
            math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-6) for a, b in zip(ours[4:], usual[4:], strict=True)
        ):
            sys.exit(f"the sides differ: ours {ours}, usual {usual}")
    return len(sides[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(dir=ROOT / "build") as folder,
        postgres.serve(PORT, None, *SERVER) as server,
    ):
        home = Path(folder)
        share = home / "shares/risk/files"
        for name, content in make_files(args.rows / 100_000):
            (share / name).parent.mkdir(parents=True, exist_ok=True)
            (share / name).write_bytes(content)
        (home / "connections").mkdir()
        (home / "connections/bench.toml").write_text(server.connection())
        os.environ.pop("SPARKYARD_CONNECTIONS", None)
        with psycopg.connect(server.dsn(), autocommit=True) as link:
            link.execute(PROCEDURES)
            times = {"ours": run_ours(home), "usual": run_usual(share, link)}
            rows = compare(link)
    for side, seconds in times.items():
        print(f"{side:6} {sum(seconds.values()):7.1f} s: " + ", ".join(f"{step} {took:.1f}" for step, took in seconds.items()))
    ratio = sum(times["usual"].values()) / sum(times["ours"].values())
    print(f"{args.rows:,} rows, {rows} points of curves, equal on both sides: ours is {ratio:.1f} × as fast")


if __name__ == "__main__":
    main()
