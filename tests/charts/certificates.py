"""A certificate that is its own authority."""

import subprocess
from pathlib import Path


def make_certificate(folder: Path, *names: str) -> None:
    """tls.crt and tls.key for names such as DNS:a.svc or IP:127.0.0.1."""
    options = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=test", "-addext", f"subjectAltName={','.join(names)}"]
    command = ["openssl", "req", *options, "-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt")]
    subprocess.run(command, check=True, capture_output=True)
