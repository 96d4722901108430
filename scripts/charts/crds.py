#!/usr/bin/env python3
"""The operator's CRDs, generated from its Go API types: build/crds/ to apply server-side, charts/crds/templates/generated/ for Helm."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPLIED = ROOT / "build" / "crds"
CHART = ROOT / "charts" / "crds" / "templates" / "generated"
KEEP = "  annotations:\n    {{- if .Values.keep }}\n    helm.sh/resource-policy: keep\n    {{- end }}\n"


def make_template(crd: str) -> str:
    """As Helm must see it: text that happens to look like a template stays text."""
    escaped = crd.replace("{{", '{{ "{{" }}')
    assert escaped.count("\n  annotations:\n") == 1, "expected one metadata.annotations in the generated CRD"
    return escaped.replace("  annotations:\n", KEEP, 1)


def fill(folder: Path, files: dict[str, str]) -> None:
    """Exactly these files; one that is right is left alone and none is ever half written, since others may be reading."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        if not (folder / name).exists() or (folder / name).read_text() != text:
            draft = folder / f"_{name}.{os.getpid()}"  # which Helm does not render
            draft.write_text(text)
            draft.replace(folder / name)
    for stale in (path for path in folder.glob("*.yaml") if path.name not in files):
        stale.unlink()


def main() -> int:
    command = [sys.executable, str(ROOT / "scripts/gotools/build.py"), "--path", "crds"]
    built = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if built.returncode:
        return built.returncode
    crds = {path.name: path.read_text() for path in sorted(Path(built.stdout.strip()).glob("*.yaml"))}
    fill(APPLIED, crds)
    fill(CHART, {name: make_template(crd) for name, crd in crds.items()})
    print("\n".join(str((APPLIED / name).relative_to(ROOT)) for name in crds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
