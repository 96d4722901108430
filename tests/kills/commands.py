"""What the scripts that are to be killed have in common: they take commands, and say how each went."""

import json
import sys
from collections.abc import Callable

from pyspark.sql import SparkSession


def obey(answer: Callable[..., str]) -> None:
    """Of the pipe that the second argument names: a line of JSON each, answered by a line `DONE "…"`, why it failed or nothing."""
    spark = SparkSession.builder.getOrCreate()
    spark.sql("SHOW NAMESPACES IN yard").collect()
    print('DONE ""', flush=True)
    with open(sys.argv[2]) as commands:
        for line in commands:
            print("DONE", json.dumps(answer(spark, *json.loads(line))), flush=True)
