"""Docker, podman or buildah: the one that is there, behind the same few verbs."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from sparkyard.errors import ToolMissing, YardError

sys.path.append(str(Path(__file__).resolve().parents[1] / "setup"))
import aptget

PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
# Buildah runs from a copy of itself in memory, which it cannot seal while the kernel moves a page of it. Nothing was done by then.
NOT_BEGUN = "sealing memfd copy"


def capture(command: list[str], stderr: int, timeout: float | None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=timeout)


@dataclass(frozen=True)
class Engine:
    name: str
    options: tuple[str, ...] = field(default=())

    def run(
        self, *args: str, log: Path | None = None, check: bool = True, timeout: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = [self.name, *self.options, *args]
        stderr = subprocess.STDOUT if log else subprocess.PIPE
        done = capture(command, stderr, timeout)
        if NOT_BEGUN in (done.stderr or done.stdout):
            done = capture(command, stderr, timeout)
        if log:
            with log.open("a") as file:
                file.write(f"$ {' '.join(command)}\n{done.stdout}\n")
        if check and done.returncode:
            tail = "\n".join((done.stdout + (done.stderr or "")).strip().splitlines()[-12:])
            raise YardError(
                f"failed ({done.returncode}):\n{tail}" + (f"\nThe whole log: {log}" if log else ""), where=f"{self.name} {args[0]}"
            )
        return done

    @property
    def is_buildah(self) -> bool:
        return self.name == "buildah"

    def get_id(self, ref: str) -> str:
        """The image's id; empty when there is no such image here."""
        query = (
            ("inspect", "--type", "image", "--format", "{{.FromImageID}}")
            if self.is_buildah
            else ("image", "inspect", "--format", "{{.Id}}")
        )
        done = self.run(*query, ref, check=False)
        return done.stdout.strip().removeprefix("sha256:") if done.returncode == 0 else ""

    def get_config(self, ref: str) -> dict[str, object]:
        if self.is_buildah:
            config = json.loads(self.run("inspect", "--type", "image", ref).stdout)["OCIv1"]["config"]
        else:
            config = json.loads(self.run("image", "inspect", ref).stdout)[0]["Config"]
        return dict(config)

    def get_size(self, ref: str) -> int:
        if self.is_buildah:
            return sum(layer["size"] for layer in self.get_manifest(ref)["layers"])
        return int(self.run("image", "inspect", "--format", "{{.Size}}", ref).stdout)

    def get_manifest(self, ref: str) -> dict[str, list[dict[str, int]]]:
        return dict(json.loads(json.loads(self.run("inspect", "--type", "image", ref).stdout)["Manifest"]))

    def build(self, context: Path, ref: str, arguments: dict[str, str], labels: dict[str, str], log: Path) -> None:
        proxies = {name: os.environ[name] for name in PROXIES if os.environ.get(name)}
        options = [word for key, value in {**arguments, **proxies}.items() for word in ("--build-arg", f"{key}={value}")]
        options += [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
        if self.is_buildah:
            options += ["--layers", "--isolation", "chroot", "--pull=false", "--format", "oci"]
        self.run("build", *options, "--tag", ref, str(context), log=log)

    def push(self, ref: str, target: str, near: bool, log: Path) -> None:
        """A registry that is `near` is this machine's own: plain HTTP, and to squeeze layers well takes longer than to send them."""
        if self.name == "docker":
            self.run("tag", ref, target)
            self.run("push", target, log=log)
        else:
            options = ["--tls-verify=false", "--compression-format=zstd", "--compression-level=1"] if near else []
            self.run("push", *options, ref, f"docker://{target}", log=log)

    def pull(self, ref: str, seconds: int) -> bool:
        policy = ["--policy", "always"] if self.is_buildah else []
        try:
            return self.run("pull", *policy, ref, check=False, timeout=seconds).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def remove_old(self, repository: str, keep: int) -> None:
        """All but the newest ones; one that something still stands on stays, as the engine refuses."""
        name = "{{.Name}}" if self.is_buildah else "{{.Repository}}"
        listed = self.run("images", "--format", f"{name}:{{{{.Tag}}}}", "--filter", f"reference=*{repository}", check=False).stdout.split()
        for ref in [ref for ref in listed if f"{repository}:" in ref][keep:]:
            self.run("rmi", ref, check=False)

    def import_root(self, tar: Path, ref: str) -> None:
        if not self.is_buildah:
            self.run("import", str(tar), ref)
            return
        container = self.run("from", "scratch").stdout.strip()
        try:
            self.run("add", "--quiet", container, str(tar), "/")
            self.run("commit", "--quiet", container, ref)
        finally:
            self.run("rm", container)


def answers(*command: str) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0


def find_engine(cache: Path) -> Engine:
    """Docker with a daemon that answers, else podman, else buildah, which a root user on Debian gets installed."""
    if shutil.which("docker") and answers("docker", "version", "--format", "{{.Server.Version}}"):
        return Engine("docker")
    if shutil.which("podman") and answers("podman", "info"):
        return Engine("podman")
    if not shutil.which("buildah"):
        install_packages("buildah")
    storage = cache / "images"
    place = ("--root", str(storage / "storage"), "--runroot", str(storage / "run"))
    drivers = [Engine("buildah", (*place, "--storage-driver", driver)) for driver in ("overlay", "vfs")]
    return next((engine for engine in drivers if engine.run("info", check=False).returncode == 0), drivers[-1])


def install_packages(*packages: str) -> None:
    command = f"apt-get update && apt-get install -y --no-install-recommends {' '.join(packages)}"
    if not aptget.can_install():
        raise ToolMissing(
            f"none of docker (with a daemon), podman or {' and '.join(packages)} is here", next_command=f"sudo sh -c '{command}'"
        )
    print(f"installing {', '.join(packages)} …", flush=True)
    done = aptget.install(*packages)
    if done.returncode:
        raise ToolMissing(f"apt-get could not install {' '.join(packages)}:\n{done.stderr[-1000:]}", next_command=command)
