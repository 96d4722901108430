"""`sparkyard share test`: a share tried from a pod like a job's, in a job namespace."""

import json
import secrets
import time
from pathlib import Path
from typing import Any

from sparkyard.defaults import pod_template
from sparkyard.defaults.shares import make_mount
from sparkyard.errors import ClusterError, TimedOut, UsageError
from sparkyard.kube import Kube
from sparkyard.kube.explain import explain_pod
from sparkyard.runs import share_probe
from sparkyard.runs.share_words import Finding, judge
from sparkyard.settings import PlatformSettings, Share

Object = dict[str, Any]
START_TIMEOUT = 60.0  # seconds for a pod to start: a mount that hangs keeps it waiting
RUN_TIMEOUT = 240.0
ENDED = ("Succeeded", "Failed")


def probe_share(kube: Kube, settings: PlatformSettings, namespace: str, name: str) -> list[Finding]:
    share = require_share(settings, name)
    require_claim(kube, namespace, share)
    pods = f"/api/v1/namespaces/{namespace}/pods"
    pod = make_pod(share, settings, f"share-test-{name}-{secrets.token_hex(3)}")
    path = f"{pods}/{pod['metadata']['name']}"
    kube.create(pods, pod)
    try:
        if trouble := wait_for_start(kube, namespace, path):
            return [
                Finding(
                    "mount",
                    "fail",
                    trouble,
                    "correct server, share, secret or mountOptions of the share; kubectl describe shows all events",
                )
            ]
        wait_for_end(kube, path)
        return judge(json.loads(kube.text(f"{path}/log").strip().splitlines()[-1]), share)
    finally:
        kube.delete(path)


def require_share(settings: PlatformSettings, name: str) -> Share:
    for share in settings.shares:
        if share.name == name:
            return share
    known = ", ".join(share.name for share in settings.shares) or "none"
    raise UsageError(
        f"the platform has no such share; declared are: {known}",
        where=name,
        next_command="sparkyard install with your values and it in global.shares",
    )


def require_claim(kube: Kube, namespace: str, share: Share) -> None:
    claim = kube.find(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims/{share.name}")
    if claim is None:
        what = "there is no such claim: the share is not declared for this namespace"
        raise UsageError(
            what, where=f"{namespace}/{share.name}", next_command="sparkyard install with your values and the namespace in the share's"
        )
    if claim["status"].get("phase") != "Bound":
        command = f"kubectl describe pvc -n {namespace} {share.name}"
        raise ClusterError(
            f"its claim is {claim['status'].get('phase')}, not Bound", where=f"{namespace}/{share.name}", next_command=command
        )


def make_pod(share: Share, settings: PlatformSettings, name: str) -> Object:
    """An executor's pod with the share in it and the probe in place of Spark: what it may, jobs may."""
    spec = pod_template("executor", settings)["spec"]
    mount = make_mount(share)
    arguments = [f"/shares/{share.name}/files", "ro" if share.read_only else "rw"]
    container = {
        **{key: value for key, value in spec["containers"][0].items() if key not in ("env", "envFrom")},
        "image": settings.images.spark,
        "imagePullPolicy": settings.images.pull_policy,
        "command": ["python3", "-c", Path(share_probe.__file__).read_text(encoding="utf-8"), *arguments],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
    }
    container["volumeMounts"] = [*container["volumeMounts"], mount]
    volume = {"name": mount["name"], "persistentVolumeClaim": {"claimName": share.name}}
    return {
        "metadata": {"name": name, "labels": {"sparkyard.dev/probe": "share"}},
        "spec": {
            **spec,
            "containers": [container],
            "volumes": [*spec["volumes"], volume],
            "serviceAccountName": settings.executor.service_account,
            "imagePullSecrets": [{"name": secret} for secret in settings.images.pull_secrets],
            "restartPolicy": "Never",
            "activeDeadlineSeconds": int(START_TIMEOUT + RUN_TIMEOUT),
        },
    }


def wait_for_start(kube: Kube, namespace: str, path: str) -> str:
    """What keeps it from starting; empty when it has started."""
    deadline = time.monotonic() + START_TIMEOUT
    while (pod := kube.get(path))["status"].get("phase", "Pending") == "Pending":
        if time.monotonic() > deadline:
            field = f"involvedObject.name={pod['metadata']['name']}"
            trouble = explain_pod(pod, kube.list(f"/api/v1/namespaces/{namespace}/events", fieldSelector=field), time.time())
            return trouble.message if trouble else f"the pod has not started within {START_TIMEOUT:.0f} s"
        time.sleep(0.5)
    return ""


def wait_for_end(kube: Kube, path: str) -> None:
    deadline = time.monotonic() + RUN_TIMEOUT
    while (pod := kube.get(path))["status"].get("phase") not in ENDED:
        if time.monotonic() > deadline:
            raise TimedOut(f"the test has not ended after {RUN_TIMEOUT:.0f} s", where=path)
        time.sleep(0.5)
    if trouble := explain_pod(pod):
        raise ClusterError(f"the test itself failed: {trouble.message}", where=path)
