"""Where docker runs: a kind cluster (or the k3d one, where only that is installed) with a registry beside it.

The Kubernetes version is the installed tool's own choice: it ships with node images that it is known to work with.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from place import Place, write_private

REGISTRY_IMAGE = "registry:2.8.3"
REGISTRY_PORT = 15001
# the node's runtime looks for hosts.toml files here
CONFIG = """kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
containerdConfigPatches:
  - |-
    [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "/etc/containerd/certs.d"
"""


def is_possible() -> bool:
    """A docker that answers, and one of the two tools."""
    if not shutil.which("docker") or not (shutil.which("kind") or shutil.which("k3d")):
        return False
    return run("docker", "info", check=False).returncode == 0


def exists(place: Place) -> bool:
    if shutil.which("kind"):
        return place.netns in run("kind", "get", "clusters").stdout.split()
    return bool(shutil.which("k3d")) and run("k3d", "cluster", "get", place.netns, check=False).returncode == 0


def bring_up(place: Place) -> None:
    if not exists(place):
        create_kind(place) if shutil.which("kind") else create_k3d(place)
    write_kubeconfig(place)
    push = f"localhost:{REGISTRY_PORT}"
    write_private(place.env_file, f"REGISTRY={push}\nREGISTRY_PUSH={push}\n")
    print(f"\n  export KUBECONFIG={place.kubeconfig}\n  registry: {push}; remove it all with: make down")


def create_kind(place: Place) -> None:
    registry = f"{place.netns}-registry"
    if run("docker", "inspect", registry, check=False).returncode != 0:
        publish = f"--publish=127.0.0.1:{REGISTRY_PORT}:5000"
        run("docker", "run", "--detach", "--restart=always", publish, f"--name={registry}", REGISTRY_IMAGE)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
        config.write(CONFIG)
        config.flush()
        create = ["kind", "create", "cluster", "--name", place.netns, "--config", config.name, "--wait=120s"]
        subprocess.run([*create, "--kubeconfig", str(make_folder(place.kubeconfig))], check=True)
    run("docker", "network", "connect", "kind", registry, check=False)
    for node in run("kind", "get", "nodes", "--name", place.netns).stdout.split():
        hosts = f"/etc/containerd/certs.d/localhost:{REGISTRY_PORT}"
        write = f"mkdir -p {hosts} && echo '[host.\"http://{registry}:5000\"]' > {hosts}/hosts.toml"
        run("docker", "exec", node, "sh", "-c", write)


def create_k3d(place: Place) -> None:
    registry = f"{place.netns}-registry:127.0.0.1:{REGISTRY_PORT}"
    mirror = f'mirrors: {{"localhost:{REGISTRY_PORT}": {{endpoint: ["http://k3d-{place.netns}-registry:5000"]}}}}\n'
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
        config.write(mirror)
        config.flush()
        create = ["k3d", "cluster", "create", place.netns, "--registry-create", registry]
        subprocess.run([*create, "--registry-config", config.name, "--wait"], check=True)


def write_kubeconfig(place: Place) -> None:
    get = ["kind", "get", "kubeconfig", "--name", place.netns] if shutil.which("kind") else ["k3d", "kubeconfig", "get", place.netns]
    write_private(place.kubeconfig, run(*get).stdout)
    if shutil.which("kubectl"):
        run("kubectl", "--kubeconfig", str(place.kubeconfig), "config", "set-context", "--current", "--namespace=spark-jobs")


def tear_down(place: Place) -> None:
    if shutil.which("kind"):
        run("kind", "delete", "cluster", "--name", place.netns)
        run("docker", "rm", "--force", "--volumes", f"{place.netns}-registry", check=False)
    else:
        run("k3d", "cluster", "delete", place.netns)
    for file in (place.kubeconfig, place.env_file):
        file.unlink(missing_ok=True)


def make_folder(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def run(*command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(command, capture_output=True, text=True)
    if check and result.returncode != 0:
        raise SystemExit(f"`{' '.join(command)}` failed: {result.stderr.strip()}")
    return result
