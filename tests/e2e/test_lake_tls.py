"""A job in a lake where nobody is answered without TLS: driver and executor, store, catalog and event log."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from charts.render import render
from e2e.lakes import SPACE, TLS, lake_namespace, make_lake, open_lake, start

from sparkyard import lake
from sparkyard.kube import forward
from sparkyard.local.java import find_java
from sparkyard.names import SUBMIT_ACCOUNT
from sparkyard.runs.cluster_lake import S3_PORT, S3_SERVICE, read_secret
from sparkyard.s3 import Store, upload_files

pytestmark = [pytest.mark.cluster, pytest.mark.helm, pytest.mark.java, pytest.mark.long]
JOBS = "e2e-lake-jobs"
EVENTS = ["time,action", *(f"2016-07-26T02:45:{second:02d}.000Z,Open" for second in range(60)), ""]


def make_jobs_namespace(image: str) -> list[dict[str, Any]]:
    """What charts/jobs brings to one namespace; the rest is the cluster's and there."""
    values = {"global": {"images": {"spark": image}, "jobs": {"namespaces": [JOBS]}}}
    objects = render(values, chart="jobs", files=(), namespace=SPACE)
    return [item for item in objects if JOBS in (item["metadata"].get("namespace"), item["metadata"]["name"])]


def trust(yard: Any, authority: Path, folder: Path) -> None:
    store = folder / "truststore.p12"
    keytool = [str(Path(find_java().path).resolve().with_name("keytool")), "-importcert", "-noprompt", "-alias", "site"]
    subprocess.run([*keytool, "-file", authority, "-keystore", store, "-storetype", "PKCS12", "-storepass", "changeit"], check=True)
    files = (f"--from-file=ca.crt={authority}", f"--from-file=truststore.p12={store}")
    yard.kubectl("create", "configmap", "site-ca", "-n", JOBS, *files)


def upload(yard: Any, authority: Path, folder: Path) -> None:
    import ssl

    (folder / "events.csv").write_text("\n".join(EVENTS))
    keys = read_secret(yard.kube, JOBS, "lake-s3-ingest")
    with forward(yard.kube, SPACE, service=S3_SERVICE, port=S3_PORT, tls=ssl.create_default_context(cafile=authority)) as port:
        place = Store(f"127.0.0.1:{port}", keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"])
        upload_files(place, [(folder / "events.csv", "raw/events/events.csv")], lambda done: None)


def with_authority(item: dict[str, Any], authority: Path) -> dict[str, Any]:
    """What helm looks up in the cluster when it installs, and cannot when it only renders."""
    if "ca.crt" in item.get("stringData", {}):
        item["stringData"]["ca.crt"] = authority.read_text()
    return item


@pytest.fixture
def authority(yard: Any, settings: Path, tmp_path: Path) -> Iterator[Path]:
    """A lake that serves by TLS, and a job namespace that trusts it."""
    image = yaml.safe_load(settings.read_text())["images"]["spark"]
    with lake_namespace(yard, tmp_path) as authority:
        yard.kubectl("delete", "namespace", JOBS, "--ignore-not-found")
        yard.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(make_jobs_namespace(image)))
        try:
            start(yard, [with_authority(item, authority) for item in make_lake(yard, JOBS, **TLS)])
            yard.kubectl("wait", "-n", SPACE, "pod/lake-postgresql-0", "--for=condition=Ready", "--timeout=180s")
            trust(yard, authority, tmp_path)
            upload(yard, authority, tmp_path)
            yield authority
        finally:
            yard.kubectl("delete", "namespace", JOBS, "--wait=false")


def submit(yard: Any, settings: Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    own = yaml.safe_load(settings.read_text()) | {"trustedCa": TLS["trustedCa"]}
    own["lake"]["s3"]["endpoint"] = f"https://{S3_SERVICE}.{SPACE}.svc:{S3_PORT}"
    (folder / "settings.yaml").write_text(yaml.safe_dump(own))
    yard.sparkyard("pod-template", "--settings", str(folder / "settings.yaml"), "--namespace", JOBS, "--out", str(folder / "templates"))
    cluster = yaml.safe_load(Path(yard.kubeconfig).read_text())["clusters"][0]["cluster"]
    (folder / "api.crt").write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    (folder / "token").write_text(yard.kubectl("create", "token", SUBMIT_ACCOUNT, "-n", JOBS, "--duration=10m").stdout.strip())
    conf = {
        "spark.kubernetes.authenticate.submission.caCertFile": folder / "api.crt",
        "spark.kubernetes.authenticate.submission.oauthTokenFile": folder / "token",
        "spark.kubernetes.driver.pod.name": "tls-driver",
        "spark.executor.instances": 1,
        "spark.driver.memory": "512m",
        "spark.executor.memory": "512m",
    }
    command = [
        *("spark-submit", "--master", f"k8s://{cluster['server']}", "--deploy-mode", "cluster", "--name", "tls"),
        *("--properties-file", str(folder / "templates/spark-defaults.conf")),
        *(word for key, value in conf.items() for word in ("--conf", f"{key}={value}")),
        *("local:///opt/sparkyard/apps/events/windows.py", "--input", "s3a://raw/events/"),
    ]
    environment = os.environ | {"KUBECONFIG": os.devnull, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, timeout=300)


def test_a_job_reads_and_writes_a_lake_with_tls(yard: Any, settings: Path, authority: Path, tmp_path: Path) -> None:
    done = submit(yard, settings, tmp_path)
    log = yard.kubectl("logs", "-n", JOBS, "tls-driver", check=False).stdout
    assert "RESULT {" in log, done.stderr[-2000:] + log[-20000:]
    result = json.loads(log.rpartition("RESULT ")[2].splitlines()[0])
    assert result["rows"] == {"read": 60, "rejected": 0, "written": 60}, result.get("error")
    with open_lake(yard, authority, JOBS) as catalog:
        assert lake.load_table(catalog, "refined.events_windows").column("open_count").to_pylist() == [60]
