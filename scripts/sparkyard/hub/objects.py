"""What belongs to one person in the notebooks' namespace: an account that may make executors, its network, two Secrets.

What the account may create and delete is bounded by the admission policies of charts/jupyterhub, which know it by its name."""

from typing import Any

from sparkyard.names import NOTEBOOK_ROLE, NOTEBOOK_USER_LABEL

Json = dict[str, Any]


def account_name(user: str) -> str:
    return f"notebook-{user}"


def token_secret(user: str) -> str:
    """Whoever may list pods would else read the token in the pod's environment."""
    return f"notebook-token-{user}"


def rpc_secret(user: str) -> str:
    return f"spark-rpc-{user}"


def make_objects(namespace: str, user: str, token: str, rpc: str) -> list[Json]:
    """`user`: the name as Kubernetes spells it; `token`: by which the server speaks to the hub; `rpc`: kept where the Secret is there."""
    return [
        _make("v1", "ServiceAccount", namespace, account_name(user), user, automountServiceAccountToken=True),
        _make_binding(namespace, user),
        _make_network_policy(namespace, user),
        make_secret(namespace, token_secret(user), user, token=token),
        make_secret(namespace, rpc_secret(user), user, secret=rpc),
    ]


def make_quota(namespace: str, user: str, hard: dict[str, str]) -> list[Json]:
    """What one person's pods may request together: they are of a priority class, by which alone a quota counts a part of a namespace."""
    name = account_name(user)
    words = "Counts one person's pods of notebooks. No priority."
    counted = {"scopeName": "PriorityClass", "operator": "In", "values": [name]}
    spec = {"hard": hard, "scopeSelector": {"matchExpressions": [counted]}}
    return [
        _make("scheduling.k8s.io/v1", "PriorityClass", "", name, user, value=0, preemptionPolicy="Never", description=words),
        _make("v1", "ResourceQuota", namespace, name, user, spec=spec),
    ]


def make_secret(namespace: str, name: str, user: str, **data: str) -> Json:
    return _make("v1", "Secret", namespace, name, user, stringData=data)


def _make(version: str, kind: str, namespace: str, name: str, user: str, **fields: Any) -> Json:
    labels = {"app.kubernetes.io/part-of": "sparkyard", NOTEBOOK_USER_LABEL: user}
    place = {"namespace": namespace} if namespace else {}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **place, "labels": labels}, **fields}


def _make_binding(namespace: str, user: str) -> Json:
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": NOTEBOOK_ROLE}
    subject = {"kind": "ServiceAccount", "name": account_name(user), "namespace": namespace}
    return _make("rbac.authorization.k8s.io/v1", "RoleBinding", namespace, account_name(user), user, roleRef=role, subjects=[subject])


def _make_network_policy(namespace: str, user: str) -> Json:
    """A person's driver and executors talk to each other, on ports that Spark picks, and to nobody else's."""
    own = {"podSelector": {"matchLabels": {NOTEBOOK_USER_LABEL: user}}}
    spec = {**own, "policyTypes": ["Ingress", "Egress"], "ingress": [{"from": [own]}], "egress": [{"to": [own]}]}
    return _make("networking.k8s.io/v1", "NetworkPolicy", namespace, account_name(user), user, spec=spec)
