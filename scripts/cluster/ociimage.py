"""Images of single static programs, for the node's own pods: too small to be worth a build tool, and needed before there is a registry."""

import hashlib
import io
import json
import platform
import tarfile
from pathlib import Path

MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def write_image(target: Path, name: str, program: Path, inside: str, links: tuple[str, ...] = ()) -> None:
    """An archive that `ctr images import` takes: one layer with the program (and links to it), run as nobody."""
    layer = make_layer(program, inside, links)
    config = {
        "architecture": MACHINES[platform.machine()],
        "os": "linux",
        "config": {"Entrypoint": [inside], "User": "65534:65534", "WorkingDir": "/", "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    with tarfile.open(target, "w") as archive:
        add(archive, "manifest.json", json.dumps(manifest).encode())
        add(archive, "config.json", json.dumps(config).encode())
        add(archive, "layer.tar", layer)


def make_layer(program: Path, inside: str, links: tuple[str, ...]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        add(layer, inside.lstrip("/"), program.read_bytes(), mode=0o755)
        add(layer, "etc/passwd", b"root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
        for link in links:
            entry = tarfile.TarInfo(link.lstrip("/"))
            entry.type, entry.linkname = tarfile.SYMTYPE, inside
            layer.addfile(entry)
    return buffer.getvalue()


def add(archive: tarfile.TarFile, name: str, data: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))
