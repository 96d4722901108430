"""What the platform sets for each session does what it is set for."""

from collections.abc import Iterator
from typing import Any

from pyspark.sql import functions as F


def test_what_is_kept_after_a_shuffle_is_as_few_tasks_as_its_rows_need(spark: Any) -> None:
    """A cluster shuffles in 200 parts. Spark puts them together, but by its own defaults not those of a frame that it keeps."""
    session = spark.newSession()
    session.conf.set("spark.sql.shuffle.partitions", "200")
    kept = session.range(1000, numPartitions=2).groupBy((F.col("id") % 7).alias("rest")).count().persist()
    try:
        assert kept.count() == 7
        assert kept.rdd.getNumPartitions() <= 2
    finally:
        kept.unpersist()


def test_a_worker_s_path_holds_no_archive(spark: Any) -> None:
    """It would read the directory of each before every task."""

    def archives(rows: Iterator[Any]) -> Iterator[str]:
        import sys
        from zipfile import is_zipfile

        yield from (entry for entry in sys.path if is_zipfile(entry))

    assert spark.range(1).rdd.mapPartitions(archives).collect() == []
