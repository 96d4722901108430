"""A manifest names the claim of a share; the platform mounts it where it belongs, in driver and executors."""

import copy
from typing import Any

import pytest

from sparkyard.defaults import apply_defaults, reapply_defaults
from sparkyard.settings import PlatformSettings, Share

AGENT = Share(name="sales", mount_path="/shares/sales")
CSI = Share(name="drop", mount_path="/shares/drop/files", read_only=False)
SETTINGS = PlatformSettings(shares=(AGENT, CSI))
APP: dict[str, Any] = {
    "metadata": {"name": "hello-hello", "namespace": "spark-jobs"},
    "spec": {"type": "Python", "driver": {"cores": 1}, "executor": {"instances": 2}},
}


def claim(name: str, **source: Any) -> dict[str, Any]:
    return {"name": f"my-{name}", "persistentVolumeClaim": {"claimName": name, **source}}


def make_app(*volumes: dict[str, Any], **roles: Any) -> dict[str, Any]:
    app = copy.deepcopy(APP)
    app["spec"] |= {"volumes": list(volumes), **roles}
    return app


def pod(app: dict[str, Any], role: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Volumes and mounts of the role's template by name."""
    spec = apply_defaults(app, SETTINGS)["spec"][role]["template"]["spec"]
    by_name = ({item["name"]: item for item in items} for items in (spec["volumes"], spec["containers"][0]["volumeMounts"]))
    return next(by_name), next(by_name)


@pytest.mark.parametrize("role", ["driver", "executor"])
def test_the_claim_is_all_that_a_manifest_says(role: str) -> None:
    volumes, mounts = pod(make_app(claim("sales"), claim("drop")), role)
    assert volumes["share-sales"] == {"name": "share-sales", "persistentVolumeClaim": {"claimName": "sales"}}
    assert mounts["share-sales"] == {
        "name": "share-sales",
        "mountPath": "/shares/sales",
        "mountPropagation": "HostToContainer",
        "readOnly": True,
    }
    assert mounts["share-drop"] == {"name": "share-drop", "mountPath": "/shares/drop/files", "mountPropagation": "HostToContainer"}


def test_pods_with_shares_need_no_pod_webhook() -> None:
    spec = apply_defaults(make_app(claim("sales")), SETTINGS)["spec"]
    assert "volumeMounts" not in spec["driver"]
    assert spec["driver"]["labels"] == {"sparkyard.dev/pod-complete": "true"}


def test_other_claims_are_left_alone() -> None:
    assert not [name for name in pod(make_app(claim("data")), "driver")[0] if name.startswith("share-")]


def test_who_mounts_it_elsewhere_keeps_that_and_sees_it_mounted_anew() -> None:
    mount = {"name": "my-sales", "mountPath": "/in"}
    app = make_app(claim("sales"), driver={"volumeMounts": [mount]})
    assert "share-sales" not in pod(app, "driver")[1]
    assert apply_defaults(app, SETTINGS)["spec"]["driver"]["volumeMounts"] == [{**mount, "mountPropagation": "HostToContainer"}]
    assert "share-sales" in pod(app, "executor")[1]


def test_applying_the_manifest_again_changes_nothing() -> None:
    app = make_app(claim("sales"))
    born = apply_defaults(app, SETTINGS, "run-1")
    sent = copy.deepcopy(born)
    sent["spec"]["volumes"] = app["spec"]["volumes"]
    assert reapply_defaults(sent, born, SETTINGS, "run-2")["spec"] == born["spec"]
