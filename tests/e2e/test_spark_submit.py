"""A raw spark-submit from outside the cluster, with a token that may do this and nothing else."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from sparkyard.names import EXECUTOR_ACCOUNT, SUBMIT_ACCOUNT

pytestmark = pytest.mark.cluster


def token(yard: Any, account: str) -> str:
    return str(yard.kubectl("create", "token", account, "-n", yard.namespace, "--duration=10m").stdout.strip())


def submit(yard: Any, settings: Path, folder: Path, account: str, name: str) -> "subprocess.CompletedProcess[str]":
    """Nothing of the caller's own kubeconfig is used: only the address, the CA and the token."""
    cluster = yaml.safe_load(Path(yard.kubeconfig).read_text())["clusters"][0]["cluster"]
    (folder / "ca.crt").write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    (folder / "token").write_text(token(yard, account))
    yard.sparkyard("pod-template", "--settings", str(settings), "--out", str(folder / "templates"))
    conf = {
        "spark.kubernetes.authenticate.submission.caCertFile": folder / "ca.crt",
        "spark.kubernetes.authenticate.submission.oauthTokenFile": folder / "token",
        "spark.kubernetes.driver.pod.name": f"{name}-driver",
        "spark.executor.instances": 1,
        "spark.driver.memory": "512m",
        "spark.executor.memory": "512m",
    }
    command = [
        *("spark-submit", "--master", f"k8s://{cluster['server']}", "--deploy-mode", "cluster"),
        *("--name", name, "--properties-file", str(folder / "templates/spark-defaults.conf")),
        *(word for key, value in conf.items() for word in ("--conf", f"{key}={value}")),
        "local:///opt/sparkyard/apps/hello/hello.py",
    ]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # its scripts ask the first python3 where Spark is
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SPARK")} | {
        "KUBECONFIG": os.devnull,
        "PATH": path,
    }
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, timeout=300)


def test_the_submit_accounts_token_is_enough(yard: Any, settings: Path, tmp_path: Path) -> None:
    yard.kubectl("delete", "pod", "-n", yard.namespace, "e2e-raw-driver", "--ignore-not-found")
    done = submit(yard, settings, tmp_path, SUBMIT_ACCOUNT, "e2e-raw")
    assert done.returncode == 0, "\n".join(line for line in done.stderr.splitlines() if not line.startswith("\tat "))
    pod = yard.wait_for_pod("e2e-raw-driver", "Succeeded")
    result = json.loads(pod["status"]["containerStatuses"][0]["state"]["terminated"]["message"])
    assert result["status"] == "ok"
    yard.kubectl("delete", "pod", "-n", yard.namespace, "e2e-raw-driver")


@pytest.mark.parametrize("account", [EXECUTOR_ACCOUNT, "default"])
def test_another_accounts_token_is_refused(yard: Any, settings: Path, tmp_path: Path, account: str) -> None:
    done = submit(yard, settings, tmp_path, account, "e2e-raw-refused")
    assert done.returncode != 0
    assert "forbidden" in (done.stderr + done.stdout).lower()
    assert yard.kubectl("get", "pod", "-n", yard.namespace, "e2e-raw-refused-driver", check=False).returncode != 0


@pytest.mark.parametrize(
    ("verb", "what"),
    [
        ("get", ["secrets"]),
        ("create", ["pods", "--subresource=exec"]),
        ("create", ["sparkapplications"]),
        ("create", ["rolebindings"]),
        ("delete", ["namespaces"]),
    ],
)
def test_the_submit_account_may_do_nothing_else(yard: Any, verb: str, what: list[str]) -> None:
    account = f"--as=system:serviceaccount:{yard.namespace}:{SUBMIT_ACCOUNT}"
    assert yard.kubectl("auth", "can-i", verb, *what, "-n", yard.namespace, account, check=False).stdout.strip() == "no"
