"""The process that Spark forks its Python workers from, without one entry of its path.

Spark puts the jar of its core on the path of every Python, which holds nothing for it, and a worker reads the directory of each archive
on its path before every task: 50 ms of a processor for that jar. The images' Python leaves it out in the same way: images/spark-runtime."""

import runpy
import sys

if __name__ == "__main__":
    sys.path[:] = [entry for entry in sys.path if "/spark-core_" not in entry]
    runpy.run_module("pyspark.daemon", run_name="__main__", alter_sys=True)
