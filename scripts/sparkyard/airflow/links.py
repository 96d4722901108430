"""Buttons on a task's page."""

from typing import Any
from urllib.parse import urlencode

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

REPORTS = "/sparkyard"  # below the address of Airflow's pages


class HistoryLink(BaseOperatorLink):
    """The run in Spark's History Server; its address comes from the place (SPARKYARD_HISTORY_URL)."""

    name = "Spark history"
    xcom_key = "spark_history"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        return str(getattr(operator, "history", ""))


class ReportLink(BaseOperatorLink):
    """All jobs of the DAG's run on one page."""

    name = "Report"
    xcom_key = "sparkyard_report"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        return str(getattr(operator, "report", ""))


def report_address(dag_id: str, run_id: str) -> str:
    """Whole where Airflow knows its own address, else as its pages need it."""
    base = conf.get("api", "base_url", fallback="") or ""
    return f"{base.rstrip('/')}{REPORTS}/report?{urlencode({'dag_id': dag_id, 'run_id': run_id})}"
