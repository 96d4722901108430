"""A manifest run as a task: submitted once, waited for by the triggerer, its failure never called a success."""

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, TaskDeferralTimeout

from sparkyard.airflow.links import HistoryLink, ReportLink, report_address
from sparkyard.errors import YardError
from sparkyard.project import ROOT

if TYPE_CHECKING:
    from sparkyard.summary import RunRecord

MANIFESTS_ENV = "SPARKYARD_MANIFESTS"
HISTORY_ENV = "SPARKYARD_HISTORY_URL"
LAST_LINES = 200
RECORD = "run_record"  # the XCom of a run that failed; that of one that succeeded is the return value too


class SparkJobOperator(BaseOperator):
    """Runs manifests/jobs/<job>.yaml. Retries are the task's own: a failed one is submitted anew, a wrong argument fails for good."""

    template_fields = ("arguments", "namespace", "node_selector")
    operator_extra_links = (HistoryLink(), ReportLink())
    ui_color = "#e8f0e4"

    def __init__(
        self,
        *,
        job: str,
        arguments: Sequence[str] = (),
        namespace: str = "",
        node_selector: dict[str, str] | None = None,
        stuck_after: float = 120,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job, self.arguments, self.namespace, self.stuck_after = job, list(arguments), namespace, stuck_after
        self.node_selector = dict(node_selector or {})  # of driver and executors; a label whose value is empty is not asked for
        self.history = self.report = ""
        self.ti: Any = None
        self.killed = False

    def execute(self, context: Any) -> None:
        from sparkyard.airflow.trigger import ApplicationTrigger

        self.ti = context["ti"]
        meta = self._submit()["metadata"]
        if self.killed:  # the signal came while it was being made, and may have found nothing to stop
            raise AirflowFailException(f"killed while it was submitted: {self._cancel()}")
        place = {"namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]}
        trigger = ApplicationTrigger(**place, attempt=self.ti.try_number, stuck_after=self.stuck_after)
        self.defer(trigger=trigger, method_name="conclude", timeout=self._time_left())

    def _submit(self) -> dict[str, Any]:
        from sparkyard.runs.attempt import ensure_application, patiently

        try:
            app, kube = self._make(), _connect()
            found, made = patiently(lambda: ensure_application(kube, app, self.ti.try_number))
        except YardError as error:
            raise _say(error) from None
        where = f"{found['metadata']['namespace']}/{found['metadata']['name']}"
        self.log.info("%s %s", "submitted as" if made else "it is there, and is followed again:", where)
        return found

    def _make(self) -> dict[str, Any]:
        from sparkyard.manifest import load_manifest, override_arguments
        from sparkyard.runs.attempt import make_name, place_on
        from sparkyard.runs.cluster_run import make_application

        folder = find_manifests(self.dag.fileloc if self.has_dag() else "")
        manifest = override_arguments(load_manifest(folder / f"{self.job}.yaml"), self.arguments)
        ti = self.ti
        name = make_name(manifest.name, ti.dag_id, ti.task_id, ti.run_id, str(ti.map_index))
        return place_on(make_application(manifest.document, name, name, self.namespace), self.node_selector)

    def _time_left(self) -> timedelta | None:
        """Airflow 3.3 does not count a deferred task's execution_timeout itself."""
        if self.execution_timeout is None:
            return None
        gone: timedelta = datetime.now(UTC) - self.ti.start_date
        return max(timedelta(seconds=1), timedelta(seconds=self.execution_timeout.total_seconds()) - gone)

    def conclude(self, context: Any, event: dict[str, Any]) -> dict[str, Any]:
        """The application has ended, or could not go on."""
        from sparkyard.runs.attempt import conclude_attempt, patiently
        from sparkyard.summary import error_from_cause

        try:
            where, kube = self.find(context), _connect()
            record = patiently(lambda: conclude_attempt(kube, *where, self.ti.try_number, event.get("trouble", ""), _history_url()))
        except YardError as error:
            raise _say(error) from None
        self._repeat(kube, where, event.get("said", []))
        facts = self._show(record, event.get("used", (0.0, 0.0)))
        if record.cause:
            raise _say(error_from_cause(record.cause, where="/".join(where)))
        return facts

    def _repeat(self, kube: Any, where: tuple[str, str], said: Sequence[str]) -> None:
        """What the triggerer wrote is shown while it waits; afterwards only where it shares its logs with the workers."""
        from sparkyard.runs.attempt import read_last_lines

        for line in said:
            self.log.info("%s", line)
        with suppress(YardError):
            lines = read_last_lines(kube, *where, LAST_LINES)
            self.log.info("the driver's last %d lines:\n%s", len(lines), "\n".join(lines))

    def find(self, context: Any) -> tuple[str, str]:
        """Namespace and name of the task's application."""
        self.ti = context["ti"]
        meta = self._make()["metadata"]
        return meta["namespace"], meta["name"]

    def _show(self, record: "RunRecord", used: tuple[float, float]) -> dict[str, Any]:
        from sparkyard.runs.attempt import format_record
        from sparkyard.runs.meter import make_cost

        self.history, self.report = record.links.get("history", ""), report_address(self.ti.dag_id, self.ti.run_id)
        record.links["report"] = self.report
        for line in format_record(record):
            self.log.info("%s", line)
        facts = record.to_dict() | {"cost": make_cost(self._make(), used, record.times.get("total", 0.0))}
        if record.cause:  # a return value is kept of successes only
            self.ti.xcom_push(key=RECORD, value=facts)
        return facts

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Any) -> Any:
        """What Airflow itself ends (its time is over, its trigger broke) must not go on running unseen."""
        self.ti = context["ti"]
        became = "" if next_method == "conclude" else self._cancel()
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralTimeout:
            raise AirflowException(f"not done after {self.execution_timeout}: {became}") from None

    def on_kill(self) -> None:
        """Killed, or out of time, while it submits; a deferred task is killed by its trigger."""
        self.killed = True
        self._cancel()

    def _cancel(self) -> str:
        """Stops its application, through a restart of the API server or of a webhook; what became of it, in words."""
        from sparkyard.runs.attempt import cancel_attempt, patiently

        if not self.ti:
            return "nothing was submitted yet"
        try:
            where, kube = self.find({"ti": self.ti}), _connect()
            cancelled = patiently(lambda: cancel_attempt(kube, *where, self.ti.try_number))
        except YardError as error:
            became = f"its application could not be cancelled and may run on: {error}"
            self.log.error(became)
            return became
        became = "its application is being cancelled" if cancelled else "there is no application of it to cancel"
        self.log.info(became)
        return became


def find_manifests(dag_file: str) -> Path:
    """Where the site says; else manifests/jobs next above the DAG's file, in a checkout, a bundle or the image; else our own."""
    if told := os.environ.get(MANIFESTS_ENV):
        return Path(told)
    above = (folder / "manifests" / "jobs" for folder in Path(dag_file).parents)
    return next((folder for folder in above if folder.is_dir()), ROOT / "manifests" / "jobs")


def _connect() -> Any:
    from sparkyard.kube import Kube

    return Kube()


def _history_url() -> str:
    return os.environ.get(HISTORY_ENV, "")


def _say(error: YardError) -> AirflowException:
    """What would happen again in any case is not tried again."""
    from sparkyard.runs.attempt import is_hopeless

    return (AirflowFailException if is_hopeless(error) else AirflowException)(str(error))
