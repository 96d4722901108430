"""The configuration files of the node's components. JSON is YAML, so the standard library can write all but containerd's."""

import base64
import json
from pathlib import Path
from typing import Any

from place import DNS_IP, NODE_IP, NODE_POD_CIDR, POD_CIDR, REGISTRY, VERSIONS, Place, write_private

PAUSE_IMAGE = f"sparkyard.local/pause:{VERSIONS['KUBERNETES_VERSION']}"


def write_kubeconfig(path: Path, server: str, ca: Path, crt: Path, key: Path, namespace: str = "default") -> None:
    def embed(file: Path) -> str:
        return base64.b64encode(file.read_bytes()).decode()

    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "sparkyard",
        "clusters": [{"name": "sparkyard", "cluster": {"server": server, "certificate-authority-data": embed(ca)}}],
        "users": [{"name": "admin", "user": {"client-certificate-data": embed(crt), "client-key-data": embed(key)}}],
        "contexts": [{"name": "sparkyard", "context": {"cluster": "sparkyard", "user": "admin", "namespace": namespace}}],
    }
    write_private(path, json.dumps(config, indent=2) + "\n")


def write_settings(place: Place) -> None:
    files = {
        "kubelet.json": json.dumps(make_kubelet(place)),
        "kube-proxy.json": json.dumps(make_proxy(place)),
        "cni/10-sparkyard.conflist": json.dumps(make_cni()),
        "containerd.toml": make_containerd(place),
        f"registries/{REGISTRY}/hosts.toml": f'server = "http://{REGISTRY}"\n[host."http://{REGISTRY}"]\n',
        "registry.json": json.dumps(make_registry(place)),
        "resolv.conf": "# no name servers: the node has no way out\n",
    }
    for name, text in files.items():
        write_private(place.config / name, text)


def make_kubelet(place: Place) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_IP,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(place.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(place.pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(place.pki / "kubelet.key"),
        "clusterDNS": [DNS_IP],
        "clusterDomain": "cluster.local",
        "resolvConf": str(place.config / "resolv.conf"),
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{place.netns}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,  # a lower one takes CAP_SYS_RESOURCE, which a sandboxed root lacks
        "maxPods": 110,
        "serializeImagePulls": False,
        "registryPullQPS": 0,
        "kubeAPIQPS": 200,
        "kubeAPIBurst": 400,
        "eventRecordQPS": 0,
        # a full disk is the machine's business, not the node's: no image and no pod goes because of it
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "nodefs.inodesFree": "1%", "imagefs.available": "1%"},
    }


def make_proxy(place: Place) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(place.config / "kube-proxy.kubeconfig")},
        "mode": "iptables",
        "clusterCIDR": POD_CIDR,
        "detectLocalMode": "ClusterCIDR",
        "hostnameOverride": place.netns,
        "oomScoreAdj": 0,
        "iptables": {"minSyncPeriod": "100ms"},
        # these kernel settings belong to the machine, not to a network namespace
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }


def make_cni() -> dict[str, Any]:
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isDefaultGateway": True,
        "hairpinMode": True,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": NODE_POD_CIDR}]], "dataDir": "/run/cni-addresses"},
    }
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True}
    return {"cniVersion": "1.0.0", "name": "sparkyard", "plugins": [bridge, portmap]}


def make_registry(place: Place) -> dict[str, Any]:
    """Only the node itself reaches it: pods pull through the node's runtime and cannot push."""
    return {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(place.registry)}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{REGISTRY.rpartition(':')[2]}"},
    }


def make_containerd(place: Place) -> str:
    return f"""version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE_IMAGE}"
restrict_oom_score_adj = true # see oomScoreAdj of the kubelet
disable_hugetlb_controller = true
enable_unprivileged_ports = true
enable_unprivileged_icmp = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{place.bin / "cni"}"
conf_dir = "{place.config / "cni"}"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "{place.config / "registries"}"
"""
