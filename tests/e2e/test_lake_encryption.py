"""What executors leave on their scratch space cannot be read, and nothing in a pod's environment tells the word they know each other by."""

import json
from typing import Any

import pytest

pytestmark = [pytest.mark.cluster, pytest.mark.long]
# Executors look at their own files. Nothing is compressed, so that what is not encrypted can be found as it is.
LOOK = """
    import glob, json, os
    from pyspark.sql import SparkSession, functions as F

    WORDS = "words-in-the-clear-"
    spark = SparkSession.builder.getOrCreate()
    rows = spark.range(200_000, numPartitions=4).select(F.concat(F.lit(WORDS), "id").alias("word")).repartition(4, "word")

    @F.udf("string")
    def look(count):
        files = glob.glob("/var/data/spark-local/**/shuffle_*.data", recursive=True)
        clear = sum(WORDS.encode() in open(file, "rb").read() for file in files)
        return json.dumps({"files": len(files), "clear": clear, "told": "_SPARK_AUTH_SECRET" in os.environ})

    found = rows.groupBy(F.spark_partition_id()).count().withColumn("seen", look("count")).collect()
    print("FOUND", json.dumps([[row["count"], json.loads(row["seen"])] for row in found]), flush=True)
"""
PLAIN = {"spark.shuffle.compress": "false", "spark.sql.adaptive.enabled": "false"}


@pytest.mark.parametrize("encrypted", [True, False])
def test_shuffled_rows_on_disk(yard: Any, encrypted: bool) -> None:
    """That they would be found is shown by a job that takes the encryption back."""
    name = yard.run_code("e2e-encrypted", LOOK, sparkConf=PLAIN if encrypted else PLAIN | {"spark.io.encryption.enabled": "false"})
    app = yard.wait_for_end(name)
    log = yard.kubectl("logs", "-n", yard.namespace, f"{name}-driver").stdout
    assert app["status"]["applicationState"]["state"] == "COMPLETED", log[-3000:]
    found = json.loads(log.partition("FOUND ")[2].splitlines()[0])
    assert sum(count for count, _ in found) == 200_000
    assert all(seen["files"] for _, seen in found)
    assert {(seen["clear"] > 0, seen["told"]) for _, seen in found} == {(not encrypted, False)}
    yard.delete(name)
