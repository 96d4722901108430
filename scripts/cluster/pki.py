"""Certificates of one cluster's life, by the openssl command: one authority for it, one for aggregated API servers."""

import subprocess
from pathlib import Path

DAYS = "3650"


class Authority:
    """A certificate authority in `folder`: NAME.crt, NAME.key, and what it issues beside them."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self.crt, self.key = folder / f"{name}.crt", folder / f"{name}.key"
        usage = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature")
        self._request(self.crt, self.key, f"/CN=sparkyard-{name}", usage)

    def issue(self, name: str, subject: str, alternatives: str = "") -> tuple[Path, Path]:
        """`subject` as /O=…/CN=…; with alternatives (DNS:…,IP:…) it can serve, too."""
        crt, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        purposes = "clientAuth,serverAuth" if alternatives else "clientAuth"
        extensions = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature", f"extendedKeyUsage={purposes}"]
        if alternatives:
            extensions.append(f"subjectAltName={alternatives}")
        self._request(crt, key, subject, extensions, "-CA", str(self.crt), "-CAkey", str(self.key))
        return crt, key

    def _request(self, crt: Path, key: Path, subject: str, extensions: list[str] | tuple[str, ...], *signer: str) -> None:
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", DAYS]
        command += ["-keyout", str(key), "-out", str(crt), "-subj", subject, *signer]
        for extension in extensions:
            command += ["-addext", extension]
        run_openssl([*command, "-config", "/dev/stdin"])


def make_key_pair(folder: Path, name: str) -> tuple[Path, Path]:
    """For service account tokens: (public, private)."""
    private, public = folder / f"{name}.key", folder / f"{name}.pub"
    run_openssl(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(private)])
    run_openssl(["openssl", "ec", "-in", str(private), "-pubout", "-out", str(public)])
    return public, private


def run_openssl(command: list[str]) -> None:
    """With an empty configuration, so that the machine's own adds no extension."""
    empty = "[req]\ndistinguished_name=dn\n[dn]\n"
    result = subprocess.run(command, input=empty, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:2])} failed: {result.stderr.strip()}")
