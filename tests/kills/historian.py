"""Lands and follows snapshots of purchases, at every command: who is killed in the middle of a history, and run again.

Commands: ["land" or "history", input, ""].
"""

from commands import obey
from pyspark.sql import SparkSession

import jobkit
from purchases import history, land


def answer(spark: SparkSession, command: str, path: str, _: str) -> str:
    try:
        if command == "land":
            land.main(["--input", path], spark)
        else:
            history.main([], spark)
    except Exception as error:
        return jobkit.explain(error)
    return ""


if __name__ == "__main__":
    obey(answer)
