"""Windows shares: one value, a claim of the same name in each namespace, by three backends; the agent is the one privileged workload."""

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from charts.render import CI, IMAGES, HelmError, list_pods, names, pick, render

from sparkyard.project import ROOT
from sparkyard.settings import parse_settings

sys.path.insert(0, str(ROOT / "images" / "share-agent"))
from share_agent.place import parse_places

pytestmark = pytest.mark.helm
Object = dict[str, Any]
EVERYTHING = CI / "everything-values.yaml"
SALES = {"name": "sales", "server": "files.example.com", "share": "Sales", "secret": "sales"}
CSI = {**SALES, "backend": "csi"}


def make_values(*shares: Object, **more: Any) -> Object:
    return {"global": {"shares": list(shares), **more}}


def everything() -> list[Object]:
    return render(files=(EVERYTHING,))


def volume(objects: list[Object], name: str) -> Object:
    return dict(pick(objects, "PersistentVolume", name)["spec"])


def settings_of(objects: list[Object]) -> Any:
    return parse_settings(pick(objects, "ConfigMap", "sparkyard-defaults")["data"]["settings.yaml"])


def test_without_shares_there_is_nothing() -> None:
    assert not [item for item in names(render()) if "share" in item[1]]


@pytest.mark.parametrize("backend", ["agent", "csi", "hostPath"])
def test_each_backend_gives_a_claim_of_the_shares_name_in_each_namespace(backend: str) -> None:
    share = {**SALES, "backend": backend, "path": "/mnt/sales", "namespaces": ["spark-jobs", "team-b"]}
    objects = render(make_values(share))
    for namespace in ("spark-jobs", "team-b"):
        claim = pick(objects, "PersistentVolumeClaim", "sales", namespace)["spec"]
        bound = volume(objects, claim["volumeName"])
        assert bound["claimRef"] == {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": namespace, "name": "sales"}
        assert claim["storageClassName"] == bound.get("storageClassName", "") == ""
        assert claim["accessModes"] == bound["accessModes"]
        assert bound["persistentVolumeReclaimPolicy"] == "Retain"


@pytest.mark.parametrize("backend", ["agent", "hostPath"])
def test_a_share_may_become_writable_later(backend: str) -> None:
    """What is immutable in claims and volumes is the same for both."""
    share = {**SALES, "backend": backend, "path": "/mnt/sales"}
    one, other = (render(make_values({**share, "access": access})) for access in ("ro", "rw"))
    assert volume(one, "spark-jobs.sales") == volume(other, "spark-jobs.sales")
    claims = [pick(objects, "PersistentVolumeClaim", "sales", "spark-jobs")["spec"] for objects in (one, other)]
    assert claims[0] == claims[1]


def test_a_share_is_in_all_job_namespaces_unless_it_says_otherwise() -> None:
    found = {name for kind, name in names(everything()) if kind == "PersistentVolumeClaim" and not name.startswith("sparkyard/")}
    assert found == {f"{space}/{name}" for space in ("spark-jobs", "team-b") for name in ("sales", "archive", "drop", "old")} | {
        "team-b/reports"
    }


def test_jobs_find_the_files_at_the_same_place_with_every_backend() -> None:
    """The agent's volume is the parent of the files: what is mounted anew is seen there, and not on the mountpoint itself."""
    shares = {share.name: share for share in settings_of(everything()).shares}
    assert {name: share.mount_path for name, share in shares.items()} == {
        "sales": "/shares/sales",
        "reports": "/shares/reports",
        "archive": "/shares/archive/files",
        "drop": "/shares/drop/files",
        "old": "/shares/old",
    }
    assert {name for name, share in shares.items() if share.read_only} == {"sales", "archive", "old"}
    assert volume(everything(), "spark-jobs.sales")["hostPath"] == {
        "path": "/var/lib/sparkyard/shares/sales",
        "type": "DirectoryOrCreate",
    }
    assert volume(everything(), "team-b.old")["hostPath"] == {"path": "/mnt/shares/old", "type": "Directory"}


def test_the_driver_of_csi_gets_what_it_asks_for() -> None:
    """Field by field: the name of the driver, the source, a folder below it, the Secret for staging, what Spark's user needs."""
    spec = volume(everything(), "spark-jobs.archive")
    assert spec["csi"] == {
        "driver": "smb.csi.k8s.io",
        "readOnly": True,
        "volumeHandle": "nas.example.com/Archive#2026#spark-jobs.archive",
        "volumeAttributes": {"source": "//nas.example.com/Archive", "subDir": "2026"},
        "nodeStageSecretRef": {"name": "archive", "namespace": "sparkyard-shares"},
    }
    common = {"vers=3.1.1", "uid=185", "gid=0", "noperm", "noserverino", "cache=strict", "echo_interval=10"}
    assert set(spec["mountOptions"]) == common | {"ro", "file_mode=0444", "dir_mode=0555", "actimeo=5"}
    drop = volume(everything(), "team-b.drop")
    written = {"file_mode=0664", "dir_mode=0775", "actimeo=1", "nobrl", "mfsymlinks"}
    assert set(drop["mountOptions"]) == common | written | {"sec=krb5", "cruid=185", "vers=3.0"}
    assert drop["mountOptions"][-1] == "vers=3.0", "what the site says comes last and wins"
    assert drop["csi"]["readOnly"] is False
    assert "subDir" not in drop["csi"]["volumeAttributes"]


def test_no_two_volumes_have_one_handle() -> None:
    """The driver tells volumes apart by it alone: the second of two would show the files of the first."""
    second = {**CSI, "name": "again", "namespaces": ["spark-jobs", "team-b"]}
    objects = render(make_values(CSI, second, {**CSI, "name": "below", "subPath": "x"}))
    handles = [item["spec"]["csi"]["volumeHandle"] for item in objects if item["kind"] == "PersistentVolume"]
    assert len(set(handles)) == len(handles) == 4


def test_the_agent_reads_what_the_chart_writes() -> None:
    text = pick(everything(), "ConfigMap", "share-agent")["data"]["shares.json"]
    sales, reports = parse_places(text)
    assert (sales.address, sales.access, sales.uid, sales.gid) == ("//files.example.com/Sales/daily/in", "ro", 185, 0)
    assert (reports.address, reports.access) == ("//files.example.com:4450/Reports$", "rw")
    assert sales.root == "/var/lib/sparkyard/shares"


def test_the_agent_is_privileged_alone_and_in_a_namespace_of_its_own() -> None:
    objects = everything()
    privileged = {name for name, pod in list_pods(objects).items() if "privileged" in json.dumps(pod)}
    assert privileged == {"DaemonSet/share-agent"}
    inside = {item for item in names(objects) if item[1].startswith("sparkyard-shares/")}
    assert inside == {(kind, "sparkyard-shares/share-agent") for kind in ("DaemonSet", "ConfigMap", "NetworkPolicy", "ServiceAccount")}
    levels = {
        item["metadata"]["name"]: item["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for item in objects
        if item["kind"] == "Namespace"
    }
    assert [name for name, level in levels.items() if level != "restricted"] == ["sparkyard-shares"]


def test_the_agents_pod() -> None:
    """As little as a mount for others takes: no token, nothing of the host but one folder, a root that cannot be written."""
    spec = list_pods(everything())["DaemonSet/share-agent"]["spec"]
    [container] = spec["containers"]
    assert container["securityContext"] == {"privileged": True, "runAsUser": 0, "readOnlyRootFilesystem": True}
    assert spec["automountServiceAccountToken"] is spec["enableServiceLinks"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    assert [volume["name"] for volume in spec["volumes"] if "hostPath" in volume] == ["root"]
    [root] = [mount for mount in container["volumeMounts"] if mount["name"] == "root"]
    assert root == {"name": "root", "mountPath": "/var/lib/sparkyard/shares", "mountPropagation": "Bidirectional"}
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()
    assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
    assert spec["tolerations"] == [{"operator": "Exists"}], "it is wherever Spark may be"
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert spec["imagePullSecrets"] == [{"name": "registry"}]


def test_openshift_lets_the_agent_be_privileged() -> None:
    objects = render(make_values(SALES), apis=["security.openshift.io/v1"])
    binding = pick(objects, "RoleBinding", "share-agent-privileged", "sparkyard-shares")
    [account] = binding["subjects"]
    assert binding["roleRef"]["name"] == "system:openshift:scc:privileged"
    assert account == {"kind": "ServiceAccount", "name": "share-agent", "namespace": "sparkyard-shares"}
    assert list_pods(objects)["DaemonSet/share-agent"]["spec"]["serviceAccountName"] == account["name"]


def test_credentials_come_by_file_only_and_each_secret_once() -> None:
    spec = list_pods(everything())["DaemonSet/share-agent"]["spec"]
    secrets = [volume["secret"] for volume in spec["volumes"] if "secret" in volume]
    assert secrets == [{"secretName": "sales", "optional": True, "defaultMode": 0o400}], "shares of csi have theirs with the driver"
    assert not {"env", "envFrom", "args", "command"} & spec["containers"][0].keys()


def test_the_agent_reaches_file_servers_and_nothing_else() -> None:
    policy = pick(everything(), "NetworkPolicy", "share-agent", "sparkyard-shares")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    _, servers = policy["egress"]
    assert servers["ports"] == [{"protocol": "TCP", "port": 445}, {"protocol": "TCP", "port": 4450}]


@pytest.mark.parametrize("backend", ["csi", "hostPath"])
def test_without_the_agent_nothing_is_privileged(backend: str) -> None:
    objects = render(make_values({**SALES, "path": "/mnt/sales"}, shareBackend=backend))
    assert "privileged" not in json.dumps([list_pods(objects), [item for item in objects if item["kind"] == "Namespace"]])
    assert not [name for name in list_pods(objects) if "share" in name]


REFUSED: dict[str, tuple[Callable[[], Object], str]] = {
    "no server": (
        lambda: make_values({"name": "sales", "share": "S", "secret": "s"}),
        "sales has no server, which its backend agent needs",
    ),
    "no path": (lambda: make_values({"name": "old", "backend": "hostPath"}), "old has no path"),
    "kerberos of the agent": (lambda: make_values({**SALES, "kerberos": True}), "which only the backend csi knows"),
    "a typo": (lambda: make_values({**SALES, "sever": "x"}), "sever"),
    "a path as share": (lambda: make_values({**SALES, "share": "Sales/in"}), "share"),
    "a server with slashes": (lambda: make_values({**SALES, "server": "//files"}), "server"),
    "an unknown access": (lambda: make_values({**SALES, "access": "write"}), "access"),
    "no name for a claim": (lambda: make_values({**SALES, "name": "Sales"}), "name"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_refused_by_name(case: str) -> None:
    values, named = REFUSED[case]
    with pytest.raises(HelmError, match=named):
        render(values(), files=(IMAGES,))
