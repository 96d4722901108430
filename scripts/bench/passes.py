"""The application of `bench-scale`: a job's `main` again and again in one session, so that later passes find executors that are warm.

passes.py JOB.py ANSWER '[["--input", "s3a://…"], …]'     ANSWER: a table that is dropped before each pass, or ""
"""

import importlib.util
import json
import sys
from pathlib import Path

from pyspark.sql import SparkSession

MARK = "bench: a pass begins"


def main() -> None:
    file, answer, passes = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    sys.path.insert(0, str(file.parents[1]))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    job = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(job)
    spark = SparkSession.builder.getOrCreate()
    for arguments in passes:
        if answer:
            spark.sql(f"DROP TABLE IF EXISTS {answer}")
        spark.sparkContext.setJobDescription(MARK)  # to be found in the event log
        spark.range(1).collect()
        spark.sparkContext.setJobDescription(None)
        job.main(arguments, spark)


if __name__ == "__main__":
    main()
