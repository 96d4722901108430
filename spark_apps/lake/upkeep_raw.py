"""Upkeep of the tables in raw: the books of the jobs that ingest, which commit often.

From: every table of yard.raw, or those named
To:   the same tables with the same rows

What lake-upkeep does, with the key that may write raw: that of other jobs may not.
"""

from collections.abc import Sequence
from typing import Any

from pyspark.sql import SparkSession

import jobkit
from lake import upkeep


def main(argv: Sequence[str] | None = None, spark: SparkSession | None = None) -> dict[str, Any]:
    return upkeep.run("lake-upkeep-raw", __doc__, ("raw",), argv, spark)


if __name__ == "__main__":
    jobkit.launch(main)
