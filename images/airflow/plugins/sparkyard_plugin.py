"""Where Airflow looks for plugins: the image holds our package without its entry points."""

from sparkyard.airflow.plugin import SparkyardPlugin

__all__ = ["SparkyardPlugin"]
