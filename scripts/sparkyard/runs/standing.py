"""What an installed platform lacks by now: policies that name an API server which has moved, and objects that nobody has made."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from sparkyard.kube import Kube

Object = dict[str, Any]
DEFAULT = "/api/v1/namespaces/default/services/kubernetes"
SLICE = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes"
POLICIES = "/apis/networking.k8s.io/v1/networkpolicies"


@dataclass(frozen=True)
class ApiServer:
    """Where pods meet it, behind its Service and before."""

    addresses: tuple[str, ...]
    ports: tuple[int, ...]
    service: str

    @property
    def cidrs(self) -> list[str]:
        return [_whole(address) for address in self.addresses]


def get_api_server(kube: Kube) -> ApiServer | None:
    """None where the cluster does not say."""
    found, service = kube.find(SLICE), kube.find(DEFAULT)
    if not found or not service:
        return None
    addresses = {address for endpoint in found.get("endpoints") or [] for address in endpoint["addresses"]}
    ports = {port["port"] for port in found.get("ports") or []}
    return ApiServer(tuple(sorted(addresses)), tuple(sorted(ports)), service["spec"]["clusterIP"])


def explain_policies(server: ApiServer, policies: list[Object], given: list[str]) -> str:
    """Charts write the addresses of the day of installation, or those given: which are lacking, and what to type; else nothing."""
    lacking: dict[str, list[str]] = {}
    for policy in policies:
        for rule in policy["spec"].get("egress") or []:
            cidrs = [peer["ipBlock"]["cidr"] for peer in rule.get("to") or [] if "ipBlock" in peer]
            if set(cidrs) == set(given) if given else _whole(server.service) in cidrs:
                for words in (*_uncovered(server, cidrs), *_closed(server, rule)):
                    lacking.setdefault(words, []).append(f"{policy['metadata']['namespace']}/{policy['metadata']['name']}")
    if not lacking:
        return ""
    places = sorted({place for found in lacking.values() for place in found})
    where = places[0] + (f" and {len(places) - 1} more" if len(places) > 1 else "")
    ports = any(words.startswith("port") for words in lacking)
    command = "sparkyard install --reuse-values"
    if given:
        command += f" --set 'global.apiServer.cidrs=[{', '.join(dict.fromkeys((*given, *server.cidrs)))}]'"
        command += f" --set 'global.apiServer.ports=[{', '.join(map(str, server.ports))}]'" if ports else ""
    return f"the API server is at {', '.join(lacking)} too, which is not in the network policy {where}: its pods wait in vain; {command}"


def _uncovered(server: ApiServer, cidrs: list[str]) -> list[str]:
    networks = [ip_network(cidr, strict=False) for cidr in cidrs]
    return [address for address in server.addresses if not any(ip_address(address) in network for network in networks)]


def _closed(server: ApiServer, rule: Object) -> list[str]:
    allowed = [port.get("port") for port in rule.get("ports") or []]
    return [f"port {port}" for port in server.ports if allowed and port not in allowed]


def _whole(address: str) -> str:
    return f"{address}/{128 if ':' in address else 32}"


def list_needed(values: Object, namespace: str) -> Iterator[tuple[str, str, str]]:
    """(collection, namespace, name) of what the site itself has to make: pull Secrets, and the ConfigMap of its authorities."""
    shared = values["global"]
    notebooks = [shared["notebooks"]["namespace"]] if shared["notebooks"]["enabled"] else []
    workers = [*shared["jobs"]["namespaces"], *notebooks]
    agents = [share for share in shared["shares"] if share.get("backend", shared["shareBackend"]) == "agent"]
    shares = [values["windows-shares"]["namespace"]] if _is_on(values, "windows-shares") and agents else []
    for name in shared["imagePullSecrets"]:
        yield from (("secrets", place, name) for place in dict.fromkeys([namespace, *workers, *shares]))
    if authorities := shared["trustedCa"]["configMap"]:
        trusting = [namespace] if any(_is_on(values, part) for part in ("history", "airflow")) or notebooks else []
        yield from (("configmaps", place, authorities) for place in dict.fromkeys([*workers, *trusting]))


def _is_on(values: Object, part: str) -> bool:
    return bool(values.get(part, {}).get("enabled"))


def list_missing(kube: Kube, values: Object, namespace: str) -> Iterator[tuple[str, str]]:
    """(kind, namespace/name) of what is needed and not there."""
    kinds = {"secrets": "Secret", "configmaps": "ConfigMap"}
    for collection, place, name in list_needed(values, namespace):
        if kube.find(f"/api/v1/namespaces/{place}/{collection}/{name}") is None:
            yield kinds[collection], f"{place}/{name}"
