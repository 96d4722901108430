"""`spark` of a notebook: it stands for the session and starts it when somebody first uses it, so that an opened notebook holds nothing."""

import ast
import time
from collections.abc import Callable
from contextlib import suppress
from html import escape
from typing import Any

NAME = "spark"


def needs_session(cell: str) -> bool:
    """Does the cell do more with `spark` than show it? Functions of pyspark.sql want a session before the cell comes to that."""
    try:
        body = ast.parse(cell).body
    except SyntaxError:  # magics, or a mistake
        return False
    shown = {id(line.value) for line in body if isinstance(line, ast.Expr) and isinstance(line.value, ast.Name)}
    names = [node for line in body for node in ast.walk(line) if isinstance(node, ast.Name) and node.id == NAME]
    return any(id(node) not in shown for node in names) and all(isinstance(node.ctx, ast.Load) for node in names)


def show_link(path: str) -> None:
    from IPython.display import display

    link = f"<a href='{escape(path)}' target='_blank'>Spark UI: jobs, stages, executors</a>"
    display({"text/plain": f"Spark UI: {path}", "text/html": link}, raw=True)


class LazySession:
    """The SparkSession to whoever uses it; after spark.stop() the next use starts another."""

    def __init__(self, words: str, begun: Callable[[Any], str] = lambda _: "") -> None:
        self._words = words
        self._begun = begun
        self._started: Any = None

    def watch(self, shell: Any) -> None:
        """IPython asks what it stands for how to show it; this asks it itself, and so starts nothing."""
        shell.display_formatter.formatters["text/plain"].singleton_printers[id(self)] = lambda it, printer, _: printer.text(repr(it))
        shell.events.register("pre_run_cell", lambda info: self._prepare(info.raw_cell))

    def _prepare(self, cell: str) -> None:
        """What fails here fails again where the cell uses it, and is told there."""
        if needs_session(cell):
            with suppress(Exception):
                self._get()

    def _get(self) -> Any:
        if self._started is None or self._is_over(self._started):
            self._started = self._start()
        return self._started

    def _is_over(self, session: Any) -> bool:
        return session.sparkContext._jsc is None

    def _kind(self) -> Any:
        from pyspark.sql import SparkSession

        return SparkSession

    def _start(self) -> Any:
        from pyspark.sql import SparkSession

        begun = time.monotonic()
        session = SparkSession.builder.getOrCreate()
        print(f"Spark {session.version} started in {time.monotonic() - begun:.1f} s: {self._words}", flush=True)
        if path := self._begun(session):
            show_link(path)
        return session

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("_repr_", "_ipython_")):  # a notebook that only shows or completes names starts nothing
            raise AttributeError(name)
        return getattr(self._get(), name)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """isinstance(spark, SparkSession) holds."""
        return self._kind()

    def __repr__(self) -> str:
        state = "not started, the first use starts it" if self._started is None else "started"
        return f"<spark: {state}; {self._words}>"
