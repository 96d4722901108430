"""A person with a browser logs in, triggers a DAG, sees it green with its log and links. Screenshots go to build/e2e/airflow."""

from typing import Any
from urllib.parse import quote

import pytest
from e2e.airflow_browser import open_browser

pytestmark = [pytest.mark.cluster, pytest.mark.browser, pytest.mark.long, pytest.mark.timeout(3600)]


def test_a_person_triggers_a_dag_and_sees_its_log_and_links(air: Any) -> None:
    air.ask("PATCH", "dags/events_hourly", json={"is_paused": False})
    known = air.list_runs("events_hourly")
    with open_browser() as browser:
        browser.open(f"{air.address}/dags/events_hourly")
        browser.type("username", "admin")
        browser.type("password", air.password)
        browser.shoot("1-login")
        browser.click("//button[@type='submit' or contains(., 'Sign in')]")
        browser.see("events_hourly")
        browser.open(f"{air.address}/dags/events_hourly")
        browser.click("//button[contains(., 'Trigger')]")
        browser.shoot("2-trigger")
        browser.click("//button[normalize-space(.)='Trigger']")
        [run] = air.wait(lambda: air.list_runs("events_hourly") - known, "the button triggered no run", 60)
        assert air.wait_for_end("events_hourly", run) == "success"
        page = f"{air.address}/dags/events_hourly/runs/{quote(run)}/tasks/events-windows"
        browser.open(page)
        browser.see("Success", "succeeded in", "https://history.example.com/history/spark-")
        browser.shoot("3-log")
        browser.open(f"{page}/details")
        browser.see("Spark history", "Report")
        browser.shoot("4-links")
        browser.open(air.address + air.xcom("events_hourly", run, "events-windows")["links"]["report"])
        browser.see("events_hourly", "events-windows", "succeeded", "Time by phase")
        browser.shoot("5-report")
