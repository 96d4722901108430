"""One notice of a failed task: what failed, why, the last lines of its log, where to look. It goes where a connection says.

The connection `sparkyard_notice` is of type http (a web hook), smtp, msteams, slackwebhook or telegram; without it nobody is told.
"""

import logging
from contextlib import suppress
from typing import Any

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from sparkyard.airflow.operator import RECORD
from sparkyard.errors import YardError

CONNECTION = "sparkyard_notice"
LINES, LONGEST = 15, 1500  # of the driver's log; characters of a cause
log = logging.getLogger(__name__)


def tell(context: Any) -> None:
    """A task's on_failure_callback: its last try has failed. What cannot be sent is said in the task's log."""
    from sparkyard.airflow.post import post

    try:
        connection = Connection.get(CONNECTION)
    except AirflowNotFoundException:
        return
    try:
        notice = make_notice(context)
        post(connection, notice, format_notice(notice))
        log.info("a notice was sent by the connection %s", CONNECTION)
    except Exception as error:  # of any library; the failure itself has been told to Airflow
        log.warning("no notice could be sent by the connection %s: %s: %s", CONNECTION, type(error).__name__, error)


def make_notice(context: Any) -> dict[str, Any]:
    ti, task = context["ti"], context["task"]
    record = ti.xcom_pull(task_ids=ti.task_id, key=RECORD, map_indexes=ti.map_index) or {}
    cause = (record.get("cause") or {}).get("message") or str(context.get("exception") or context.get("reason") or "no cause is known")
    links = {"log": ti.log_url, **{name: record.get("links", {}).get(name, "") for name in ("history", "report")}}
    return {
        "task": f"{ti.dag_id}.{ti.task_id}",
        "run": ti.run_id,
        "try": ti.try_number,
        "cause": cause[:LONGEST],
        **_look_at_application(task, context),
        "links": {name: link for name, link in links.items() if link.startswith("http")},
    }


def _look_at_application(task: Any, context: Any) -> dict[str, Any]:
    """Where there is one, and a way to it: who tells of a task that vanished has none."""
    if not hasattr(task, "find"):
        return {"object": "", "last_lines": []}
    from sparkyard.kube import Kube
    from sparkyard.runs.attempt import read_last_lines

    found: dict[str, Any] = {"object": "", "last_lines": []}
    with suppress(YardError):
        namespace, name = task.find(context)
        found["object"] = f"{namespace}/{name}"
        found["last_lines"] = read_last_lines(Kube(), namespace, name, LINES)
    return found


def format_notice(notice: dict[str, Any]) -> str:
    """For people, in plain text."""
    head = f"{notice['task']} failed (run {notice['run']}, try {notice['try']})"
    lines = [head, notice["cause"], *([f"Application {notice['object']}"] if notice["object"] else [])]
    lines += ["", *notice["last_lines"], ""] if notice["last_lines"] else []
    return "\n".join([*lines, *(f"{name}: {link}" for name, link in notice["links"].items())])
