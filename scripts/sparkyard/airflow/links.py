"""Buttons on a task's page."""

from typing import Any

from airflow.sdk import BaseOperatorLink


class HistoryLink(BaseOperatorLink):
    """The run in Spark's History Server; its address comes from the place (SPARKYARD_HISTORY_URL)."""

    name = "Spark history"
    xcom_key = "spark_history"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        return str(getattr(operator, "history", ""))
