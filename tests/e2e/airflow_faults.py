"""Jobs with a fault, and hands that disturb: what tests/e2e/test_airflow_faults.py does to a task and to what it stands on."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import yaml
from e2e.airflow_objects import RELEASE

from sparkyard.names import PLATFORM_NAMESPACE
from sparkyard.project import ROOT

Object = dict[str, Any]
HELLO = "hello-hello"
OPERATOR = "deployment/spark-operator-controller"
SETTINGS = f"/api/v1/namespaces/{PLATFORM_NAMESPACE}/configmaps/sparkyard-defaults"
SEAT = "e2e.example.com/seat"  # a thing that pods ask for, and of which the namespace's quota has none
CODE = {
    "slow.py": "import time\nfor second in range(45):\n    print('second', second, flush=True)\n    time.sleep(1)\n",
    "large.py": "kept = [bytearray(b'x' * 2**28) for _ in range(16)]\n",
}


def make_manifests(yard: Any) -> dict[str, Object]:
    """hello-hello with faults; what is no job of ours comes from a ConfigMap."""
    hello, events = (yaml.safe_load((ROOT / f"manifests/jobs/{name}.yaml").read_text()) for name in (HELLO, "events-windows"))
    image = yaml.safe_load(yard.kube.get(SETTINGS)["data"]["settings.yaml"])["images"]["spark"]
    driver, vendor = hello["spec"]["driver"], SEAT.partition("/")[0]
    mount = {"volumeMounts": [{"name": "code", "mountPath": "/etc/job"}]}
    code = {"volumes": [{"name": "code", "configMap": {"name": "e2e-airflow-code"}}], "driver": driver | mount}
    seat = {"spark.driver.resource.seat.amount": "1", "spark.driver.resource.seat.vendor": vendor}
    specs = {
        "quick": {},
        "slow": code | {"mainApplicationFile": "local:///etc/job/slow.py"},
        "wrong-argument": {"arguments": ["--nonsense"]},
        "no-input": events["spec"] | {"arguments": ["--input", "s3a://raw/nothing/"]},
        "no-memory": code | {"mainApplicationFile": "local:///etc/job/large.py"},
        "no-image": {"image": image.rpartition(":")[0] + ":nowhere"},
        "too-large": {"driver": driver | {"coreRequest": "15"}},
        "full-quota": {"sparkConf": hello["spec"]["sparkConf"] | seat},
    }
    meta = {"namespace": yard.namespace}
    return {
        f"e2e-{name}": hello | {"metadata": meta | {"name": f"e2e-{name}"}, "spec": hello["spec"] | spec} for name, spec in specs.items()
    }


def make_quota(yard: Any) -> str:
    meta = {"name": "e2e-airflow", "namespace": yard.namespace}
    return json.dumps({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": {"hard": {f"requests.{SEAT}": "0"}}})


def kill_pod(name: str) -> Callable[[Any, str], Any]:
    return lambda air, app: air.yard.kubectl("delete", "pod", "-n", RELEASE, name, "--grace-period=0", "--force")


def kill_driver(air: Any, app: str) -> None:
    air.yard.kubectl("delete", "pod", "-n", air.yard.namespace, f"{app}-driver", "--grace-period=0", "--force")


def delete_application_by_hand(air: Any, app: str) -> None:
    air.yard.kubectl("delete", "sparkapplication", "-n", air.yard.namespace, app)


def is_in_triggerers_log(air: Any, run: str, words: str) -> bool:
    command = ["exec", "-n", RELEASE, "airflow-triggerer-0", "--", "grep", "-rqF", words, f"/opt/airflow/logs/dag_id=e2e-slow/run_id={run}"]
    return bool(air.yard.kubectl(*command, check=False).returncode == 0)


def restart_api_server(air: Any, app: str) -> None:
    """Of the cluster that `make cluster` built: its supervisor starts it again."""
    cluster = [sys.executable, str(ROOT / "scripts/cluster/main.py")]
    status = json.loads(subprocess.run([*cluster, "status", "--json"], capture_output=True, text=True, check=True).stdout)
    pid = status["components"]["kube-apiserver"]["pid"]
    subprocess.run([*cluster, "exec", "--", "kill", "-9", str(pid)], check=True)


@contextmanager
def no_operator(yard: Any) -> Iterator[None]:
    yard.kubectl("scale", OPERATOR, "-n", PLATFORM_NAMESPACE, "--replicas=0")
    try:
        yield
    finally:
        yard.kubectl("scale", OPERATOR, "-n", PLATFORM_NAMESPACE, "--replicas=1")
        yard.kubectl("rollout", "status", OPERATOR, "-n", PLATFORM_NAMESPACE, "--timeout=120s")
