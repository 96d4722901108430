"""Every pod the platform brings: restricted, bounded, probed, with a read-only root."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from charts.render import CI, list_containers, pick, render
from charts.render import list_pods as list_all_pods

from sparkyard.settings import parse_settings

Object = dict[str, Any]
pytestmark = [pytest.mark.helm, pytest.mark.parametrize("scenario", sorted(CI.glob("*.yaml")), ids=lambda path: path.stem)]
SAFE_VOLUMES = {"configMap", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def list_pods(objects: list[Object]) -> dict[str, Object]:
    """All but the one privileged pod, which test_windows_shares.py looks at."""
    return {name: pod for name, pod in list_all_pods(objects).items() if name != "DaemonSet/share-agent"}


def each_container(scenario: Path) -> Iterator[tuple[str, Object]]:
    for name, pod in list_pods(render(files=(scenario,))).items():
        for container in list_containers(pod):
            yield f"{name}/{container['name']}", container


def test_containers_are_restricted(scenario: Path) -> None:
    for name, container in each_container(scenario):
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False, name
        assert security["runAsNonRoot"] is True, name
        assert security["readOnlyRootFilesystem"] is True, name
        assert security["capabilities"] == {"drop": ["ALL"]}, name
        assert not security.get("privileged"), name
        assert security.get("runAsUser") != 0, name
        assert not any(port.get("hostPort") for port in container.get("ports", [])), name


def test_pods_are_restricted(scenario: Path) -> None:
    for name, pod in list_pods(render(files=(scenario,))).items():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys(), name
        assert spec["enableServiceLinks"] is False, name
        for volume in spec.get("volumes", []):
            assert volume.keys() - {"name"} <= SAFE_VOLUMES, f"{name}: {volume}"


def test_pods_hold_a_token_of_their_own_account_or_none(scenario: Path) -> None:
    for name, pod in list_pods(render(files=(scenario,))).items():
        account = pod["spec"].get("serviceAccountName", "default")
        assert account != "default" or pod["spec"]["automountServiceAccountToken"] is False, name


def test_containers_are_bounded(scenario: Path) -> None:
    for name, container in each_container(scenario):
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), name
        assert "memory" in container["resources"]["limits"], name


def test_scratch_is_bounded(scenario: Path) -> None:
    for name, pod in list_pods(render(files=(scenario,))).items():
        for volume in pod["spec"].get("volumes", []):
            assert "emptyDir" not in volume or "sizeLimit" in volume["emptyDir"], f"{name}: {volume}"


def test_what_runs_for_long_is_probed(scenario: Path) -> None:
    for name, pod in list_pods(render(files=(scenario,))).items():
        if not name.startswith(("Job/", "CronJob/")):
            for container in pod["spec"]["containers"]:
                assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys(), name


def test_what_a_site_asks_for_reaches_every_pod(scenario: Path) -> None:
    if scenario.stem != "everything-values":
        return
    for name, pod in list_pods(render(files=(scenario,))).items():
        assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}], name
        assert pod["spec"]["nodeSelector"] == {"kubernetes.io/os": "linux"}, name
        assert pod["spec"]["tolerations"][0]["key"] == "dedicated", name
        assert {container["imagePullPolicy"] for container in list_containers(pod)} == {"Always"}, name


def test_openshift_assigns_users_and_groups_itself(scenario: Path) -> None:
    objects = render({"global": {"runAsUser": "", "fsGroup": ""}}, files=(scenario,))
    for name, pod in list_pods(objects).items():
        assert not {"fsGroup", "runAsUser"} & pod["spec"]["securityContext"].keys(), name
        assert not any("runAsUser" in container["securityContext"] for container in list_containers(pod)), name
    settings = parse_settings(pick(objects, "ConfigMap", "sparkyard-defaults")["data"]["settings.yaml"])
    assert settings.security.run_as_user is settings.security.fs_group is None
