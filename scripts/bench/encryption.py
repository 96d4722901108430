"""What encryption costs: a job that does little but shuffle, with it and without, in pairs in one run.

Two executor processes on this machine, each pair in new ones; the platform's own properties are switched. Prints the seconds of both, the
ratio pair by pair, and its median.

  python scripts/bench/encryption.py --pairs 5
"""

import argparse
import json
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS, RUNS = 3_000_000, 3  # about 300 MB shuffled in a run
MASTER = "local-cluster[2,1,1024]"


def shuffle() -> list[float]:
    """Seconds of each run in this session; the first one, which compiles, is not told."""
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as F

    spark = SparkSession.builder.getOrCreate()
    rows = spark.range(ROWS, numPartitions=4).select("id", F.sha2(F.col("id").cast("string"), 512).substr(1, 90).alias("word"))
    seconds = []
    for _ in range(RUNS + 1):
        begin = time.monotonic()
        spark.conf.set("spark.sql.shuffle.partitions", "8")
        rows.repartition(8, "word").sortWithinPartitions("word").agg(F.sum(F.length("word")), F.count("id")).collect()
        seconds.append(time.monotonic() - begin)
    return seconds[1:]


def make_conf(encrypted: bool, scratch: Path) -> dict[str, str]:
    """The platform's properties; the secret as a property, since executors of this kind take it in no other way."""
    from sparkyard.defaults.conf import encryption_conf
    from sparkyard.settings import Encryption

    conf = {"spark.ui.enabled": "false", "spark.local.dir": str(scratch), "spark.sql.adaptive.enabled": "false"}
    conf |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.executor.memory": "1g"}
    if encrypted:
        conf |= encryption_conf(Encryption()) | {"spark.authenticate.secret": secrets.token_hex(32)}
        del conf["spark.authenticate.secret.file"]
    return conf


def measure(encrypted: bool) -> float:
    """The median run of a new session."""
    from sparkyard.local.java import find_java
    from sparkyard.local.launch import find_jars, find_spark, make_command, make_environment
    from sparkyard.local.plan import Plan

    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        plan = Plan("bench", MASTER, 512, "", __file__, [], ["--shuffle"], {}, {}, [])
        command = make_command(find_java(), plan, find_jars(find_spark()), make_conf(encrypted, scratch), scratch, [])
        environment = make_environment(plan, Path(__file__).parent, scratch, "bench")
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    return statistics.median(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--shuffle", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.shuffle:
        print(json.dumps(shuffle()), flush=True)
        return
    ratios = []
    for pair in range(args.pairs):
        order = (True, False) if pair % 2 else (False, True)
        seconds = {encrypted: measure(encrypted) for encrypted in order}
        ratios.append(seconds[True] / seconds[False])
        print(f"pair {pair + 1}: {seconds[True]:6.2f} s encrypted, {seconds[False]:6.2f} s not, ratio {ratios[-1]:.2f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
