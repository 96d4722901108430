"""trace_daily for an Airflow that has none of our packages, only KubernetesPodOperator: each task is a pod of `sparkyard submit --wait`."""

import json
import os
import re
from datetime import UTC, datetime, timedelta

from airflow.providers.cncf.kubernetes.callbacks import KubernetesPodOperatorCallback
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG, Param, task
from airflow.sdk.exceptions import AirflowFailException

POD = os.environ.get("SPARKYARD_PODS", "/etc/sparkyard/pods") + "/submit.yaml"  # image, account, namespace: the place knows
NAME = "{{ task.task_id }}-{{ macros.uuid.uuid5(macros.uuid.NAMESPACE_OID, dag.dag_id ~ run_id).hex[:10] }}"  # the same for each try
WAIT = ("--wait", "--follow-running", "--cancel-on-interrupt", "--json", "--home", "/tmp/home", "--name", NAME)
HOPELESS = (2, 4, 9, 11)  # exit codes: a wrong argument, a bad manifest, a refused one, cancelled. The same would happen again
RECORD = re.compile(r"^\{$.*?^\}$", re.M | re.S)  # the last thing that --json prints
QUESTIONS = re.findall(
    r"\S+",
    """q1-machines-by-cpu q2-maintenance-loss q3-scheduling-classes q4-evictions q5-capacity-vs-evictions
    q6-job-spread q7-request-vs-use q8-peaks-vs-evictions q9-hours q10-overcommit q11-maintenance-by-class""",
)
TASKS = {"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": 2, "execution_timeout": timedelta(hours=6)}


class KeepRecord(KubernetesPodOperatorCallback):
    """The run record as an XCom, also of a run that failed, without a sidecar."""

    @staticmethod
    def on_pod_completion(*, pod, client, context, **_):
        where = {"name": pod.metadata.name, "namespace": pod.metadata.namespace, "container": "base", "tail_lines": 1000}
        log = client.read_namespaced_pod_log(**where, _preload_content=False).data.decode(errors="replace")
        record = json.loads((RECORD.findall(log) or ["{}"])[-1])
        context["ti"].xcom_push(key="run_record", value=record)
        if (record.get("cause") or {}).get("exit_code") in HOPELESS:
            raise AirflowFailException(record["cause"]["message"])


def pod(job: str, *arguments: str) -> KubernetesPodOperator:
    words = ["submit", f"/opt/sparkyard/manifests/jobs/{job}.yaml", *WAIT, *(["--", *arguments] if arguments else [])]
    options = {"deferrable": True, "poll_interval": 5, "logging_interval": 10, "container_name_log_prefix_enabled": False}
    place = {"pod_template_file": POD, "pool": "spark"}
    return KubernetesPodOperator(
        task_id=job, arguments=words, on_finish_action="delete_pod", termination_grace_period=60, callbacks=KeepRecord, **options, **place
    )


@task(trigger_rule="all_done", retries=0)
def summary(**context):
    names = sorted(context["task"].upstream_task_ids)
    states = {name: (context["ti"].xcom_pull(task_ids=name, key="run_record") or {}).get("state", "did not run") for name in names}
    print("\n".join(f"{name} · {state}" for name, state in states.items()))
    if bad := [name for name, state in states.items() if state != "succeeded"]:
        raise RuntimeError(f"not succeeded: {', '.join(bad)}")


RUN = {"start_date": datetime(2026, 1, 1, tzinfo=UTC), "catchup": False, "max_active_runs": 1, "default_args": TASKS, "tags": ["sparkyard"]}
INPUT = Param("s3a://raw/trace/", type="string", description="the folder that holds machine_events/ and the others")
with DAG("trace_daily_kpo", schedule="0 3 * * *", params={"input": INPUT}, doc_md=__doc__, **RUN):
    pod("trace-land", "--input", "{{ params.input }}") >> [pod(f"trace-{question}") for question in QUESTIONS] >> summary()
