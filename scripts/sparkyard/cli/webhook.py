"""`sparkyard webhook`: what runs in the pods of charts/defaults."""

from pathlib import Path
from typing import Annotated

import typer

from sparkyard.cli import app
from sparkyard.names import PLATFORM_NAMESPACE

HELP = """Serve the admission webhook that gives every SparkApplication the platform's defaults. The chart `defaults` runs it.

\b
  sparkyard webhook --settings /etc/sparkyard/settings.yaml --namespace sparkyard
"""


@app.command(help=HELP, hidden=True)
def webhook(
    settings: Annotated[Path, typer.Option("--settings", help="The platform's settings.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Where it runs.")] = PLATFORM_NAMESPACE,
    name: Annotated[str, typer.Option(help="Of its Service, Secret, ConfigMap and webhook configuration.")] = "sparkyard-defaults",
    cert_manager: Annotated[bool, typer.Option("--cert-manager", help="cert-manager issues the certificate.")] = False,
    port: Annotated[int, typer.Option(help="For the API server.")] = 9443,
    health_port: Annotated[int, typer.Option(help="For probes and Prometheus.")] = 8080,
) -> None:
    import logging

    from sparkyard.settings import load_settings
    from sparkyard.webhook.api import find_api_server
    from sparkyard.webhook.certificates import CertificateStore
    from sparkyard.webhook.revisions import Revisions
    from sparkyard.webhook.server import Webhook

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    api, core = find_api_server(), f"/api/v1/namespaces/{namespace}"
    configuration = f"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{name}"
    names = (f"{name}.{namespace}.svc", f"{name}.{namespace}.svc.cluster.local")
    certificates = CertificateStore(api, f"{core}/secrets/{name}-tls", configuration, names, issues=not cert_manager)
    revisions = Revisions(load_settings(settings), api, f"{core}/configmaps/{name}-revisions")
    Webhook(revisions, certificates, port, health_port).run()
