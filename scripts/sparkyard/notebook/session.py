"""`spark` of a notebook: it stands for the session and starts it when somebody first uses it, so that an opened notebook holds nothing."""

import time
from typing import Any


class LazySession:
    """The SparkSession to whoever uses it; after spark.stop() the next use starts another."""

    def __init__(self, words: str) -> None:
        self._words = words
        self._started: Any = None

    def _get(self) -> Any:
        if self._started is None or self._started.sparkContext._jsc is None:
            self._started = self._start()
        return self._started

    def _start(self) -> Any:
        from pyspark.sql import SparkSession

        begun = time.monotonic()
        session = SparkSession.builder.getOrCreate()
        print(f"Spark {session.version} started in {time.monotonic() - begun:.1f} s: {self._words}", flush=True)
        return session

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("_repr_", "_ipython_")):  # a notebook that only shows or completes names starts nothing
            raise AttributeError(name)
        return getattr(self._get(), name)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """isinstance(spark, SparkSession) holds."""
        from pyspark.sql import SparkSession

        return SparkSession

    def __repr__(self) -> str:
        state = "not started, the first use starts it" if self._started is None else "started"
        return f"<spark: {state}; {self._words}>"
