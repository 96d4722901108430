"""Where Airflow looks for plugins: the image holds our package without its entry points."""

from sparkyard.airflow.report import ReportPlugin

__all__ = ["ReportPlugin"]
