"""The components of the node: how each is called. Starting one is writing its file; pid 1 does the rest."""

import json
import sys

from place import API_SERVICE_IP, NODE_IP, POD_CIDR, SERVICE_CIDR, Place, read_json, write_private

ETCD = "http://127.0.0.1:2379"
API_PORT = 6443
API = f"https://{NODE_IP}:{API_PORT}"


def start(place: Place, name: str, *argv: str, env: dict[str, str] | None = None, fds: tuple[int, ...] = ()) -> None:
    path = f"{place.bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    spec = {"argv": list(argv), "env": {"PATH": path, **(env or {})}, "fds": list(fds)}
    write_private(place.components / f"{name}.json", json.dumps(spec))


def start_etcd(place: Place) -> None:
    # no fsync: nothing here is meant to outlive a crash of the machine
    flags = {"data-dir": place.life / "etcd", "listen-client-urls": ETCD, "advertise-client-urls": ETCD, "log-level": "warn"}
    start(place, "etcd", str(place.bin / "etcd"), "--unsafe-no-fsync", *as_flags(flags))


def start_containerd(place: Place) -> None:
    start(place, "containerd", str(place.bin / "containerd"), "--config", str(place.config / "containerd.toml"))


def start_registry(place: Place) -> None:
    secret = {"REGISTRY_HTTP_SECRET": "one process, nothing to share", "OTEL_TRACES_EXPORTER": "none"}
    start(place, "registry", str(place.bin / "docker-registry"), "serve", str(place.config / "registry.json"), env=secret)


def start_relay(place: Place) -> None:
    doors = read_json(place.ports)
    targets = {"api": f"{NODE_IP}:{API_PORT}", "registry": "127.0.0.1:5000"}
    pairs = [f"{doors[name]['fd']}={target}" for name, target in targets.items()]
    fds = tuple(doors[name]["fd"] for name in targets)
    start(place, "relay", sys.executable, str(place.bin / "relay.py"), *pairs, fds=fds)


def start_api_server(place: Place) -> None:
    pki = place.pki
    flags = {
        "advertise-address": NODE_IP,
        "secure-port": API_PORT,
        "etcd-servers": ETCD,
        "service-cluster-ip-range": SERVICE_CIDR,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": "true",
        "client-ca-file": pki / "ca.crt",
        "tls-cert-file": pki / "api.crt",
        "tls-private-key-file": pki / "api.key",
        "kubelet-certificate-authority": pki / "ca.crt",
        "kubelet-client-certificate": pki / "api-to-kubelet.crt",
        "kubelet-client-key": pki / "api-to-kubelet.key",
        "kubelet-preferred-address-types": "InternalIP",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": pki / "accounts.pub",
        "service-account-signing-key-file": pki / "accounts.key",
        "requestheader-client-ca-file": pki / "front-proxy-ca.crt",
        "requestheader-allowed-names": "front-proxy",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
        "proxy-client-cert-file": pki / "front-proxy.crt",
        "proxy-client-key-file": pki / "front-proxy.key",
    }
    start(place, "kube-apiserver", str(place.bin / "kube-apiserver"), *as_flags(flags))


def make_loop_flags(place: Place, component: str) -> dict[str, object]:
    """What the control plane's two clients of the API server have in common."""
    kubeconfig = place.config / f"{component}.kubeconfig"
    return {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": "127.0.0.1",
        "leader-elect": "false",
        "kube-api-qps": 200,
        "kube-api-burst": 400,
    }


def start_controller_manager(place: Place) -> None:
    flags = {
        **make_loop_flags(place, "kube-controller-manager"),
        "use-service-account-credentials": "true",
        "service-account-private-key-file": place.pki / "accounts.key",
        "root-ca-file": place.pki / "ca.crt",
        "cluster-signing-cert-file": place.pki / "ca.crt",
        "cluster-signing-key-file": place.pki / "ca.key",
        "allocate-node-cidrs": "true",
        "cluster-cidr": POD_CIDR,
        "service-cluster-ip-range": SERVICE_CIDR,
    }
    start(place, "kube-controller-manager", str(place.bin / "kube-controller-manager"), *as_flags(flags))


def start_scheduler(place: Place) -> None:
    flags = make_loop_flags(place, "kube-scheduler")
    start(place, "kube-scheduler", str(place.bin / "kube-scheduler"), *as_flags(flags))


def start_kubelet(place: Place) -> None:
    flags = {
        "config": place.config / "kubelet.json",
        "kubeconfig": place.config / "kubelet.kubeconfig",
        "hostname-override": place.netns,
        "node-ip": NODE_IP,
    }
    start(place, "kubelet", str(place.bin / "kubelet"), *as_flags(flags))


def start_proxy(place: Place) -> None:
    start(place, "kube-proxy", str(place.bin / "kube-proxy"), *as_flags({"config": place.config / "kube-proxy.json"}))


def start_enforcer(place: Place) -> None:
    """kube-router as a firewall alone: the bridge plugin enforces no NetworkPolicy."""
    flags = {
        "kubeconfig": place.config / "kube-router.kubeconfig",
        "hostname-override": place.netns,
        "service-cluster-ip-range": SERVICE_CIDR,
        "run-firewall": "true",
        "run-router": "false",
        "run-service-proxy": "false",
        "run-loadbalancer": "false",
        "enable-ipv6": "false",
        "health-port": 0,
        "metrics-port": 0,
    }
    start(place, "kube-router", str(place.bin / "kube-router"), *as_flags(flags))


def as_flags(flags: dict[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in flags.items()]


def alternatives_of_api() -> str:
    names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]
    return ",".join([f"DNS:{name}" for name in names] + [f"IP:{ip}" for ip in ("127.0.0.1", NODE_IP, API_SERVICE_IP)])
