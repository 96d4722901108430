"""hello-hello by the provider's operator, which waits in a worker or in the triggerer: scripts/bench/airflow_bench.py."""

from pathlib import Path

from airflow.providers.cncf.kubernetes.operators.spark_kubernetes import SparkKubernetesOperator
from airflow.sdk import DAG

HELLO = Path(__file__).resolve().parents[3] / "manifests" / "jobs" / "hello-hello.yaml"

for name, deferrable in {"bench_provider": False, "bench_provider_deferred": True}.items():
    with DAG(name, schedule=None, template_searchpath=str(HELLO.parent)):
        SparkKubernetesOperator(
            task_id="hello-hello",
            namespace="spark-jobs",
            application_file=HELLO.name,
            kubernetes_conn_id=None,
            get_logs=True,
            deferrable=deferrable,
            log_events_on_startup=False,
        )
