"""The notebook's cells as an application of their own: run from top to bottom in a process that has seen nothing else.

Their result goes to a table beside the job's, so that the two can be compared row by row."""

import json
from collections.abc import Sequence

from sparkyard.promote.cells import Cell
from sparkyard.promote.refuse import RESULT

SCRIPT = '''\
"""Cells of a notebook, one after another in a fresh process."""
import json, sys, traceback
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
def display(*_): pass
def _fail(words):
    print("RESULT " + json.dumps({{"status": "failed", "error": {{"type": "JobFailed", "message": words}}}}), flush=True)
    sys.exit(1)
def _run():
    for number, source in {cells}:
        try:
            exec(compile(source, f"cell {{number}}", "exec"), globals())
        except BaseException as error:
            lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == f"cell {{number}}"]
            hidden = ": no cell above defines it" if isinstance(error, NameError) else ""
            words = str(error).split("\\n")[0][:500]
            _fail(f"cell {{number}}, line {{lines[-1] if lines else 1}}: {{type(error).__name__}}: {{words}}{{hidden}}")
_run()
spark.sql("CREATE NAMESPACE IF NOT EXISTS {space}")
{result}.writeTo("{table}").using("iceberg").createOrReplace()
print("RESULT " + json.dumps({{"status": "ok", "tables": ["{table}"]}}), flush=True)
'''


def make_replay(cells: Sequence[Cell], table: str) -> str:
    sources = json.dumps([[cell.number, cell.source] for cell in cells])
    return SCRIPT.format(cells=sources, table=table, space=table.rpartition(".")[0], result=RESULT)
