"""What a notebook's kernel loads: `spark`, which starts at its first use, `yard` to look around, `%%sql`, progress in the cell that waits,
errors in words, and a warning before it is ended for being idle."""

from typing import Any

__all__ = ["load_ipython_extension"]


def load_ipython_extension(shell: Any) -> None:
    """`ipykernel_launcher --ext=sparkyard.notebook`. Nothing here starts a JVM or an executor."""
    from sparkyard.notebook.errors import watch_errors
    from sparkyard.notebook.helpers import Yard
    from sparkyard.notebook.idle import watch_idle
    from sparkyard.notebook.place import prepare_kernel
    from sparkyard.notebook.progress import Progress
    from sparkyard.notebook.session import LazySession
    from sparkyard.notebook.sql import register_sql

    place = prepare_kernel()
    spark = LazySession(place.words, place.begun)
    shell.push({"spark": spark, "yard": Yard(spark, place)}, interactive=False)
    Progress(place.explain).watch(shell.events)
    spark.watch(shell)
    register_sql(shell, spark)
    watch_errors(shell)
    watch_idle(shell)
