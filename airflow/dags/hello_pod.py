"""Spark in a pod that Airflow makes, for sites without the Spark operator: the pod is the driver, so its log, end and kill are the job's.

Needs podTasks.inJobNamespaces of charts/airflow, or a file of your own that says what a driver's pod is.
"""

import json
import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from airflow.providers.cncf.kubernetes.callbacks import KubernetesPodOperatorCallback
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG

POD = os.environ.get("SPARKYARD_PODS", "/etc/sparkyard/pods") + "/spark.yaml"
SIZES = {"spark.executor.instances": "2", "spark.executor.memory": "512m", "spark.driver.memory": "512m"}
TASKS = {"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": 2, "execution_timeout": timedelta(hours=6)}
RUN = {"start_date": datetime(2026, 1, 1, tzinfo=UTC), "catchup": False, "max_active_runs": 1, "default_args": TASKS, "tags": ["sparkyard"]}


class KeepResult(KubernetesPodOperatorCallback):
    """What the job says of itself is the pod's last message: as an XCom, also of a run that failed."""

    @staticmethod
    def on_pod_completion(*, pod, client, context, **_):
        ended = client.read_namespaced_pod(pod.metadata.name, pod.metadata.namespace).status.container_statuses[0].state.terminated
        with suppress(AttributeError, ValueError):
            context["ti"].xcom_push(key="result", value=json.loads(ended.message))


with DAG("hello_pod", schedule=None, doc_md=__doc__, **RUN):
    KubernetesPodOperator(
        task_id="hello-hello",
        pod_template_file=POD,
        arguments=[*(word for item in SIZES.items() for word in ("--conf", "=".join(item))), "local:///opt/sparkyard/apps/hello/hello.py"],
        deferrable=True,
        logging_interval=10,
        container_name_log_prefix_enabled=False,
        on_finish_action="delete_pod",
        callbacks=KeepResult,
        pool="spark",
    )
