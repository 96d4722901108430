"""With cert-manager the operator's webhook starts anew after a renewal: it reads its certificate once and would serve the old one."""

import base64
import datetime as dt
import json
import ssl
import time
from collections.abc import Iterator
from typing import Any

import pytest
from charts.render import IMAGES, render
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from sparkyard.kube.forward import forward

pytestmark = [pytest.mark.cluster, pytest.mark.helm, pytest.mark.long]
SPACE, JOBS = "e2e-certs", "e2e-certs-jobs"
NAME = "spark-operator-webhook"
Object = dict[str, Any]


def make_secret() -> Object:
    """What cert-manager writes."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), now, now + dt.timedelta(days=1))
    certificate = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(f"{NAME}.{SPACE}.svc")]), False).sign(
        key, hashes.SHA256()
    )
    crt = certificate.public_bytes(serialization.Encoding.PEM)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    data = {name: base64.b64encode(text).decode() for name, text in (("tls.crt", crt), ("tls.key", pem), ("ca.crt", crt))}
    meta = {"name": "spark-operator-webhook-certs", "namespace": SPACE}
    return {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": meta, "data": data}


@pytest.fixture
def webhook(yard: Any) -> Iterator[Object]:
    """A second webhook as the chart makes it with cert-manager, whom we play; its first Secret."""
    image = yard.kube.get("/apis/apps/v1/namespaces/sparkyard/deployments/spark-operator-controller")["spec"]["template"]["spec"]
    values = {
        "global": {"images": {"sparkOperator": image["containers"][0]["image"]}, "jobs": {"namespaces": [JOBS]}},
        "certManager": {"enabled": True},
        "webhook": {"replicas": 1, "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}}},
    }
    rendered = render(values, chart="spark-operator", files=(IMAGES,), namespace=SPACE)
    wanted = {"ServiceAccount", "Role", "RoleBinding", "Deployment", "Service"}
    ours = [item for item in rendered if item["kind"] in wanted and item["metadata"]["name"] == NAME]
    secret = make_secret()
    for space in (SPACE, JOBS):
        yard.kubectl("create", "namespace", space)
    apply(yard, [secret, *ours])
    yield secret
    yard.kubectl("delete", "namespace", SPACE, JOBS, "--wait=false")


def apply(yard: Any, objects: list[Object]) -> None:
    yard.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


def served(yard: Any) -> str:
    with forward(yard.kube, SPACE, service=NAME, port=443) as port:
        return ssl.get_server_certificate(("127.0.0.1", port)).strip()


def restarts(yard: Any) -> int:
    [pod] = yard.kube.list(f"/api/v1/namespaces/{SPACE}/pods")
    return sum(status["restartCount"] for status in pod["status"].get("containerStatuses", []))


def test_a_renewed_certificate_is_served_after_a_restart(yard: Any, webhook: Object) -> None:
    yard.kubectl("rollout", "status", f"deployment/{NAME}", "-n", SPACE, "--timeout=120s")
    assert served(yard) == base64.b64decode(webhook["data"]["tls.crt"]).decode().strip()
    assert restarts(yard) == 0
    renewed = make_secret()
    apply(yard, [renewed])
    deadline = time.monotonic() + 300
    while restarts(yard) == 0:
        assert time.monotonic() < deadline, "the certificate was renewed and nothing restarted"
        time.sleep(2)
    yard.kubectl("wait", "--for=condition=Available", f"deployment/{NAME}", "-n", SPACE, "--timeout=60s")
    assert served(yard) == base64.b64decode(renewed["data"]["tls.crt"]).decode().strip()
