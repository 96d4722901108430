"""Brings the node up, from inside its namespaces; `up` looks on through the files it writes. Run once in a cluster's life, by pid 1."""

import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from string import Template

import components as c
import ociimage
from namespaces import arrange_mounts, arrange_network, make_cgroups
from pki import Authority, make_key_pair
from place import DNS_IP, NODE_IP, VERSIONS, Place, get_place, read_json, tool, write_private
from probes import answers, kubectl, kubectl_wait, run, wait_for
from settings import PAUSE_IMAGE, write_kubeconfig, write_settings

IMAGES = {  # name: (program, its path inside, links to it)
    PAUSE_IMAGE: ("pause", "/pause", ()),
    f"sparkyard.local/coredns:{VERSIONS['COREDNS_VERSION']}": ("coredns", "/coredns", ()),
    f"sparkyard.local/local-path-provisioner:{VERSIONS['LOCAL_PATH_PROVISIONER_VERSION']}": ("local-path-provisioner", "/provisioner", ()),
    f"sparkyard.local/busybox:{VERSIONS['KUBERNETES_VERSION']}": ("busybox", "/bin/busybox", ("/bin/sh", "/bin/mkdir", "/bin/rm")),
}


def bring_up(place: Place) -> None:
    step(place, "namespaces, network, mounts", lambda: prepare(place))
    step(place, "certificates and settings", lambda: write_identity(place))
    for start in (c.start_etcd, c.start_containerd, c.start_registry, c.start_relay):
        start(place)
    step(place, "etcd", lambda: wait_for(place, "etcd", lambda: answers(f"{c.ETCD}/readyz")))
    c.start_api_server(place)
    step(place, "containerd and the node's own images", lambda: load_images(place))
    step(place, "API server", lambda: wait_for(place, "kube-apiserver", lambda: answers(f"{c.API}/readyz", place)))
    for start in (c.start_controller_manager, c.start_scheduler, c.start_kubelet, c.start_proxy):
        start(place)
    step(place, "DNS, volumes, policy enforcer: declared", lambda: apply_addons(place))
    step(place, "node ready", lambda: kubectl_wait(place, "kubelet", "Ready", f"node/{place.netns}"))
    c.start_enforcer(place)
    for namespace, name in (("kube-system", "coredns"), ("local-path-storage", "local-path-provisioner")):
        step(place, name, lambda n=namespace, d=name: kubectl_wait(place, "kubelet", "Available", f"deployment/{d}", "-n", n))
    step(place, "registry", lambda: wait_for(place, "registry", lambda: answers("http://localhost:5000/v2/")))
    step(place, "policy enforcer", lambda: wait_for(place, "kube-router", enforcer_is_at_work))


def step(place: Place, name: str, work: Callable[[], None]) -> None:
    start = time.monotonic()
    write_private(place.phase, json.dumps({"phase": "starting", "step": name}))
    work()
    with place.progress.open("a") as progress:
        progress.write(f"{time.monotonic() - start:5.1f} s  {name}\n")


def prepare(place: Place) -> None:
    arrange_mounts(place)
    arrange_network(NODE_IP)
    make_cgroups(place.netns)


def write_identity(place: Place) -> None:
    ca = Authority(place.pki)
    ca.issue("api", "/CN=kube-apiserver", c.alternatives_of_api())
    ca.issue("kubelet", f"/O=system:nodes/CN=system:node:{place.netns}", f"DNS:{place.netns},IP:{NODE_IP}")
    ca.issue("api-to-kubelet", "/O=system:masters/CN=kube-apiserver-kubelet-client")
    make_key_pair(place.pki, "accounts")
    Authority(place.pki, "front-proxy-ca").issue("front-proxy", "/CN=front-proxy")
    users = ("kube-controller-manager", "kube-scheduler", "kube-proxy")
    subjects = {name: f"/CN=system:{name}" for name in users} | {"kube-router": "/CN=kube-router", "root": "/O=system:masters/CN=admin"}
    for name, subject in subjects.items():
        write_kubeconfig(place.config / f"{name}.kubeconfig", c.API, ca.crt, *ca.issue(name, subject))
    write_kubeconfig(place.config / "kubelet.kubeconfig", c.API, ca.crt, place.pki / "kubelet.crt", place.pki / "kubelet.key")
    outside = f"https://127.0.0.1:{read_json(place.ports)['api']['port']}"
    write_kubeconfig(place.admin_kubeconfig, outside, ca.crt, place.pki / "root.crt", place.pki / "root.key", "spark-jobs")
    write_settings(place)


def load_images(place: Place) -> None:
    wait_for(place, "containerd", lambda: Path("/run/containerd/containerd.sock").exists())
    programs = {
        "pause": tool("pause", "KUBERNETES_VERSION"),
        "coredns": tool("coredns", "COREDNS_VERSION"),
        "local-path-provisioner": tool("local-path-provisioner", "LOCAL_PATH_PROVISIONER_VERSION"),
        "busybox": place.bin / "busybox",
    }
    for name, (program, inside, links) in IMAGES.items():
        archive = place.life / f"{program}.tar"
        ociimage.write_image(archive, name, programs[program], inside, links)
        run(str(place.bin / "ctr"), "--namespace", "k8s.io", "images", "import", str(archive))
        archive.unlink()


def apply_addons(place: Place) -> None:
    values = {
        "dns_ip": DNS_IP,
        "coredns_version": VERSIONS["COREDNS_VERSION"],
        "provisioner_version": VERSIONS["LOCAL_PATH_PROVISIONER_VERSION"],
        "busybox_version": VERSIONS["KUBERNETES_VERSION"],
    }
    for file in sorted(Path(__file__).with_name("addons").glob("*.yaml")):
        write_private(place.config / "addons" / file.name, Template(file.read_text()).substitute(values))
    kubectl(place, "apply", "--server-side", "--filename", str(place.config / "addons"))


def enforcer_is_at_work() -> bool:
    return "KUBE-ROUTER-FORWARD" in subprocess.run(["iptables-save", "-t", "filter"], capture_output=True, text=True).stdout


def main() -> None:
    os.umask(0o022)
    place = get_place()
    try:
        bring_up(place)
    except Exception as error:
        traceback.print_exc()
        write_private(place.phase, json.dumps({"phase": "failed", "error": str(error)}))
        sys.exit(1)
    write_private(place.phase, json.dumps({"phase": "ready"}))


if __name__ == "__main__":
    main()
