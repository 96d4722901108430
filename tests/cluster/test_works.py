"""What the platform needs of a cluster, the node of our own can."""

import hashlib
import json
import subprocess
import sys
import tarfile
import urllib.request
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from cluster.node import MAIN, Node, eventually
from sparkyard.project import ROOT, load_versions

pytestmark = pytest.mark.netns
BUSYBOX = f"sparkyard.local/busybox:{load_versions()['KUBERNETES_VERSION']}"
SERVE = "while true; do echo hello | busybox nc -l -p 8080; done"


def make_pod(name: str, command: str, image: str = BUSYBOX, **spec: Any) -> dict[str, Any]:
    container = {"name": "it", "image": image, "command": ["/bin/sh", "-c", command], **spec.pop("container", {})}
    pod = {"containers": [container], "terminationGracePeriodSeconds": 0, **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default", "labels": {"app": name}}, "spec": pod}


def wait_for_pod(node: Node, name: str, condition: str = "condition=Ready") -> None:
    done = node.kubectl("wait", "-n", "default", f"--for={condition}", "--timeout=60s", f"pod/{name}")
    assert done.returncode == 0, done.stderr + node.kubectl("describe", "-n", "default", f"pod/{name}").stdout


def run_in(node: Node, pod: str, command: str) -> subprocess.CompletedProcess[str]:
    return node.kubectl("exec", "-n", "default", pod, "--", "/bin/sh", "-c", command)


@pytest.fixture(scope="module")
def pods(node: Node) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "server", "namespace": "default"},
        "spec": {"selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    node.apply(service, make_pod("server", SERVE), make_pod("client", "busybox sleep 100000"))
    for name in ("server", "client"):
        wait_for_pod(node, name)


def reaches(node: Node) -> bool:
    address = node.ask("get", "service", "server", "-n", "default", "-o", "jsonpath={.spec.clusterIP}")
    return "hello" in run_in(node, "client", f"busybox nc -w 2 {address} 80 </dev/null").stdout


def test_it_is_a_node_of_the_pinned_version_with_all_its_cores(node: Node) -> None:
    info = json.loads(node.ask("get", "node", node.netns, "-o", "json"))["status"]
    assert info["nodeInfo"]["kubeletVersion"] == f"v{load_versions()['KUBERNETES_VERSION']}"
    assert info["allocatable"]["cpu"] == info["capacity"]["cpu"]
    assert info["allocatable"]["pods"] == "110"


def test_the_default_namespace_of_the_kubeconfig_is_that_of_jobs(node: Node) -> None:
    assert node.ask("config", "view", "--minify", "-o", "jsonpath={..namespace}") == "spark-jobs"
    assert node.kubeconfig.stat().st_mode & 0o777 == 0o600


def test_a_second_up_changes_nothing(node: Node) -> None:
    before = node.status()["init"]
    assert "already running" in node.up()
    assert node.status()["init"] == before


def test_names_resolve(node: Node, pods: None) -> None:
    answer = run_in(node, "client", "busybox nslookup server.default.svc.cluster.local")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "10.90." in answer.stdout
    assert "NXDOMAIN" in run_in(node, "client", "busybox nslookup nowhere.default.svc.cluster.local").stdout


def test_services_carry_and_logs_show(node: Node, pods: None) -> None:
    assert reaches(node)
    node.apply(make_pod("speaker", "echo spoken"))
    eventually(lambda: node.kubectl("logs", "-n", "default", "speaker").stdout == "spoken\n", what="the pod's log")


def test_there_is_no_way_out(node: Node, pods: None) -> None:
    assert run_in(node, "client", "busybox nc -w 2 1.1.1.1 443 </dev/null").returncode != 0


def test_the_api_server_reaches_services(node: Node, pods: None) -> None:
    """As it must for webhooks: a listener sees the request that the API server makes."""
    # A listener whose own input ends may hang up before the request is there.
    node.apply(make_pod("hooked", "busybox sleep 1000 | busybox nc -l -p 8443"))
    wait_for_pod(node, "hooked")

    def heard() -> bool:
        """A pod without a probe is ready before its listener is: knock until it opens."""
        knock = "/api/v1/namespaces/default/pods/hooked:8443/proxy/knock"
        node.kubectl("get", "--request-timeout=3s", "--raw", knock)
        return "GET /knock" in node.ask("logs", "-n", "default", "hooked")

    eventually(heard, what="the API server's request")


def test_volumes_bind_and_keep(node: Node) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "default"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    volume = {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}
    mounted = {"container": {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}}
    node.apply(claim, make_pod("writer", "echo kept > /data/file", **volume, **mounted, restartPolicy="Never"))
    wait_for_pod(node, "writer", "jsonpath={.status.phase}=Succeeded")
    node.apply(make_pod("reader", "busybox cat /data/file", **volume, **mounted, restartPolicy="Never"))
    wait_for_pod(node, "reader", "jsonpath={.status.phase}=Succeeded")
    assert node.ask("logs", "-n", "default", "reader") == "kept\n"


def test_a_mount_made_in_one_pod_is_seen_in_another(node: Node) -> None:
    share = {"volumes": [{"name": "share", "hostPath": {"path": "/var/lib/share", "type": "DirectoryOrCreate"}}]}

    def view(propagation: str, **more: Any) -> dict[str, Any]:
        return {"container": {"volumeMounts": [{"name": "share", "mountPath": "/share", "mountPropagation": propagation}], **more}}

    agent = "busybox mkdir -p /share/s && busybox mount -t tmpfs tmpfs /share/s && echo shared > /share/s/file && busybox sleep 1000"
    privileged = {"securityContext": {"privileged": True, "runAsUser": 0}}
    node.apply(make_pod("agent", agent, **share, **view("Bidirectional", **privileged)))
    node.apply(make_pod("user", "busybox sleep 1000", **share, **view("HostToContainer")))
    for name in ("agent", "user"):
        wait_for_pod(node, name)
    eventually(lambda: run_in(node, "user", "busybox cat /share/s/file").stdout == "shared\n", what="the mount in the other pod")
    assert not any("/share/s" in line for line in Path("/proc/self/mounts").read_text().splitlines())


def test_pod_security_is_enforced(node: Node) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    node.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "strict", "labels": labels}})
    pod = make_pod("lax", "true")
    pod["metadata"]["namespace"] = "strict"
    assert "violates PodSecurity" in node.kubectl("create", "--filename=-", given=pod).stderr


def test_images_pushed_through_the_door_are_pulled_by_pods(node: Node) -> None:
    name = push_image(node.status()["registry_push"], "tests/door", Path(node.home / "life/bin/busybox"))
    node.apply(make_pod("pulled", "echo pulled; busybox sleep 1000", image=f"localhost:5000/{name}"))
    wait_for_pod(node, "pulled")
    assert node.ask("logs", "-n", "default", "pulled") == "pulled\n"


def push_image(registry: str, name: str, program: Path) -> str:
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        layer.add(program.resolve(), "bin/busybox")
        link = tarfile.TarInfo("bin/sh")
        link.type, link.linkname = tarfile.SYMTYPE, "/bin/busybox"
        layer.addfile(link)
    diff = f"sha256:{hashlib.sha256(buffer.getvalue()).hexdigest()}"
    config = {"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/bin"]}, "rootfs": {"type": "layers", "diff_ids": [diff]}}
    oci = "application/vnd.oci.image"
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{oci}.manifest.v1+json",
        "config": push_blob(registry, name, json.dumps(config).encode(), f"{oci}.config.v1+json"),
        "layers": [push_blob(registry, name, buffer.getvalue(), f"{oci}.layer.v1.tar")],
    }
    send("PUT", f"http://{registry}/v2/{name}/manifests/1", json.dumps(manifest).encode(), manifest["mediaType"])
    return f"{name}:1"


def push_blob(registry: str, name: str, data: bytes, media_type: str) -> dict[str, Any]:
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    location = send("POST", f"http://{registry}/v2/{name}/blobs/uploads/", b"", "")["Location"]
    send("PUT", f"{location}&digest={digest}", data, "application/octet-stream")
    return {"mediaType": media_type, "size": len(data), "digest": digest}


def send(method: str, url: str, data: bytes, content_type: str) -> Any:
    request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": content_type})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.headers


def test_policies_close_doors_while_the_enforcer_works_and_only_then(node: Node, pods: None) -> None:
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "closed", "namespace": "default"},
        "spec": {"podSelector": {"matchLabels": {"app": "server"}}, "policyTypes": ["Ingress"]},
    }
    assert reaches(node)
    node.apply(policy)
    try:
        eventually(lambda: not reaches(node), what="the policy to close the door")
        assert node.main("enforcer", "off").returncode == 0
        eventually(lambda: reaches(node), what="the door to open without the enforcer")
        assert node.main("enforcer", "on").returncode == 0
        eventually(lambda: not reaches(node), what="the door to close again")
    finally:
        node.ask("delete", "networkpolicy", "closed", "-n", "default")
        node.main("enforcer", "on")


def test_a_chosen_cluster_is_used_and_nothing_created() -> None:
    node = Node("never")
    kubeconfig = ROOT / "build" / "no-such-kubeconfig"
    done = node.main("up", KUBECONFIG=str(kubeconfig))
    assert done.returncode != 0
    assert "does not answer" in done.stderr
    assert not node.leftovers()


def test_a_chosen_cluster_that_answers_is_named(node: Node) -> None:
    environment = {**node.environment, "KUBECONFIG": str(node.kubeconfig), "SPARKYARD_CLUSTER_NAME": "never"}
    path = f"{node.home / 'life/bin'}:{environment['PATH']}"
    done = subprocess.run([sys.executable, str(MAIN), "up"], env={**environment, "PATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "nothing is created" in done.stdout
    assert node.netns in done.stdout
