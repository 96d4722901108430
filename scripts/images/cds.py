"""`make cds-lists`: records which classes a driver, an executor and a submission load, on the running cluster.

Our own jobs run with JVMs that keep a list and print it at their end (SPARKYARD_CLASS_LIST, see images/spark-runtime/launch.py). The next
build of the images dumps the lists into the class archive. Needed again after a new Spark or Java, or when a test says that too many
classes come from outside the archive.
"""

import os
import re
import sys
import time
from collections.abc import Iterable
from typing import Any

import yaml
from kubernetes import client, config, stream

from sparkyard.errors import ClusterError, JobFailed, YardError
from sparkyard.names import JOBS_NAMESPACE, PLATFORM_NAMESPACE
from sparkyard.project import ROOT, load_versions

JOBS = ("hello-hello", "events-windows", "events-windows")  # the second time it finds its tables and merges into them
GROUP = {"group": "sparkoperator.k8s.io", "version": "v1beta2", "namespace": JOBS_NAMESPACE, "plural": "sparkapplications"}
CLASS_LIST = "/tmp/classes"
SECONDS = 600
FEWEST = 3000
OPERATOR_LABEL = "app.kubernetes.io/name=spark-operator-controller"
SUBMIT = """
cat > /tmp/template.yaml <<'END'
apiVersion: v1
kind: Pod
spec:
  containers: [{name: spark-kubernetes-driver, env: [{name: A, value: b}]}]
END
SPARKYARD_CLASS_LIST=%(list)s /opt/spark/bin/spark-submit --master k8s://https://kubernetes.default.svc --deploy-mode cluster \\
  --name class-list --conf spark.kubernetes.namespace=%(namespace)s --conf spark.kubernetes.container.image=none \\
  --conf spark.kubernetes.driver.podTemplateFile=/tmp/template.yaml --conf spark.kubernetes.executor.podTemplateFile=/tmp/template.yaml \\
  --conf spark.kubernetes.driver.pod.name=class-list --conf spark.kubernetes.authenticate.driver.serviceAccountName=none \\
  --conf spark.kubernetes.submission.waitAppCompletion=false local:///none.py || true
"""


def parse_log(lines: Iterable[str]) -> set[str]:
    """Classes by name and lambda forms. What another class loader brought, or Spark made up at run time, no archive can hold."""
    marked = {line.removeprefix("CLASS ") for line in lines if line.startswith("CLASS ")}
    plain = {line for line in marked if line.startswith("@") or " source: " not in line}
    names = {line if line.startswith("@") else line.split(" ")[0] for line in plain}
    return {
        name
        for name in names
        if not re.search(r"^#|/0x|\$\$Lambda|GeneratedClass|GeneratedMethodAccessor|GeneratedConstructorAccessor", name)
    }


def make_recording(job: str, env: dict[str, str]) -> dict[str, Any]:
    """The job's manifest under another name, with this environment, its executors kept for their logs."""
    manifest: dict[str, Any] = yaml.safe_load((ROOT / "manifests" / "jobs" / f"{job}.yaml").read_text())
    manifest["metadata"]["name"] = f"{job}-classes"
    spec = manifest["spec"]
    spec.setdefault("sparkConf", {})["spark.kubernetes.executor.deleteOnTermination"] = "false"
    spec["executor"]["instances"] = 1
    for role in ("driver", "executor"):
        spec[role].setdefault("env", []).extend({"name": name, "value": value} for name, value in env.items())
    return manifest


def run_job(manifest: dict[str, Any]) -> dict[str, list[str]]:
    """Runs one job to its end and reads the logs of its pods; executors may end a moment after the driver."""
    applications, pods = client.CustomObjectsApi(), client.CoreV1Api()
    name = manifest["metadata"]["name"]
    delete_application(name)
    applications.create_namespaced_custom_object(**GROUP, body=manifest)
    try:
        wait_for(name)
        found: dict[str, list[str]] = {"driver": [], "executor": []}
        selector = f"sparkoperator.k8s.io/app-name={name}"
        for pod in pods.list_namespaced_pod(JOBS_NAMESPACE, label_selector=selector).items:
            role = pod.metadata.labels["spark-role"]
            found[role] += wait_for_log(pods, pod.metadata.name)
        return found
    finally:
        delete_application(name)


def wait_for(name: str) -> None:
    api, end = client.CustomObjectsApi(), time.monotonic() + SECONDS
    while time.monotonic() < end:
        status = api.get_namespaced_custom_object(**GROUP, name=name).get("status", {}).get("applicationState", {})
        if status.get("state") == "COMPLETED":
            return
        if status.get("state") in ("FAILED", "SUBMISSION_FAILED"):
            raise JobFailed(status.get("errorMessage", "failed")[-1500:], where=f"{JOBS_NAMESPACE}/{name}")
        time.sleep(1)
    raise JobFailed(f"not done after {SECONDS} s", where=f"{JOBS_NAMESPACE}/{name}")


def wait_for_log(pods: client.CoreV1Api, pod: str) -> list[str]:
    end = time.monotonic() + 60
    while pods.read_namespaced_pod(pod, JOBS_NAMESPACE).status.phase == "Running" and time.monotonic() < end:
        time.sleep(1)
    container = pods.read_namespaced_pod(pod, JOBS_NAMESPACE).spec.containers[0].name
    answer = pods.read_namespaced_pod_log(pod, JOBS_NAMESPACE, container=container, _preload_content=False)
    return answer.data.decode(errors="replace").splitlines()  # the client's own decoding gives "b'…'"


def delete_application(name: str) -> None:
    try:
        client.CustomObjectsApi().delete_namespaced_custom_object(**GROUP, name=name, propagation_policy="Foreground")
        while client.CustomObjectsApi().get_namespaced_custom_object(**GROUP, name=name):
            time.sleep(1)
    except client.ApiException as error:
        if error.status != 404:
            raise


def record_submission() -> set[str]:
    """In the operator's own pod, whose spark-submit this list is for. That the API server refuses this driver does not matter."""
    pods = client.CoreV1Api()
    found = pods.list_namespaced_pod(PLATFORM_NAMESPACE, label_selector=OPERATOR_LABEL).items
    if not found:
        raise ClusterError(f"no pod with labels {OPERATOR_LABEL}", where=PLATFORM_NAMESPACE, next_command="make deploy")
    script = SUBMIT % {"list": CLASS_LIST, "namespace": JOBS_NAMESPACE}
    options = {"stderr": True, "stdin": False, "stdout": True, "tty": False}
    said = stream.stream(
        pods.connect_get_namespaced_pod_exec, found[0].metadata.name, PLATFORM_NAMESPACE, command=["sh", "-c", script], **options
    )
    return parse_log(said.splitlines())


def write_list(role: str, classes: set[str]) -> None:
    versions = load_versions()
    if len(classes) < FEWEST:
        raise ClusterError(f"only {len(classes)} classes were recorded, at least {FEWEST} expected", where=role)
    folder = ROOT / "images" / "spark-runtime" / "cds" / f"{versions['SPARK_VERSION']}-{versions['JAVA_VERSION']}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{role}.classlist"
    known = set(path.read_text().splitlines()) if path.exists() else set()  # other data take other ways; keep what they needed
    path.write_text("\n".join(sorted(classes | known)) + "\n")
    print(f"  {role:<9} {len(classes):>6} classes, {path.relative_to(ROOT)}", flush=True)


def connect() -> None:
    own = ROOT / "build" / "kubeconfig"
    config.load_kube_config(None if "KUBECONFIG" in os.environ or not own.exists() else str(own))


def main() -> int:
    connect()
    lists: dict[str, set[str]] = {"driver": set(), "executor": set()}
    try:
        print("recording a submission …", flush=True)
        write_list("submit", record_submission())
        for job in JOBS:
            print(f"recording {job} …", flush=True)
            for role, log in run_job(make_recording(job, {"SPARKYARD_CLASS_LIST": CLASS_LIST})).items():
                lists[role] |= parse_log(log)
        for role, classes in lists.items():
            write_list(role, classes)
        print("Next: make images deploy")
    except (YardError, client.ApiException) as error:
        print(f"cds-lists: {error}", file=sys.stderr)
        return error.exit_code if isinstance(error, YardError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
