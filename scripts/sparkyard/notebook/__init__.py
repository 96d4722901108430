"""What a notebook's kernel loads: `spark`, which starts at its first use, `yard` to look around, and progress in the cell that waits."""

from typing import Any

__all__ = ["load_ipython_extension"]


def load_ipython_extension(shell: Any) -> None:
    """`ipykernel_launcher --ext=sparkyard.notebook`. Nothing here starts a JVM or an executor."""
    from sparkyard.notebook.helpers import Yard
    from sparkyard.notebook.place import prepare_kernel
    from sparkyard.notebook.progress import Progress
    from sparkyard.notebook.session import LazySession

    place = prepare_kernel()
    spark = LazySession(place.words)
    shell.push({"spark": spark, "yard": Yard(spark, place)}, interactive=False)
    Progress(place.explain).watch(shell.events)
    spark.watch(shell.events)
