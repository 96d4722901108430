"""A share that an argument names must be claimed."""

from typing import Any

import pytest

from sparkyard.check import check_application
from sparkyard.settings import PlatformSettings, Share

SETTINGS = PlatformSettings(shares=(Share(name="sales", mount_path="/shares/sales"),))
CLAIM = {"name": "s", "persistentVolumeClaim": {"claimName": "sales"}}
MOUNT = {"volumeMounts": [{"name": "s", "mountPath": "/shares/sales"}]}


def find(argument: str, **spec: Any) -> list[tuple[str, str]]:
    app = {"kind": "SparkApplication", "spec": {"arguments": ["--input", argument], **spec}}
    return [(finding.severity, finding.what) for finding in check_application(app, SETTINGS) if finding.rule == "share"]


@pytest.mark.parametrize(
    "argument", ["/shares/sales/files/in", "file:///shares/sales/files", "--to=/shares/sales", "file:/shares/sales/files"]
)
def test_an_unclaimed_share_is_found(argument: str) -> None:
    assert find(argument) == [("error", "no volume claims the share sales, so it is not there")]


@pytest.mark.parametrize("spec", [{"volumes": [CLAIM]}, {"driver": MOUNT}], ids=["claimed", "mounted"])
def test_a_claimed_share_is_in_order(spec: dict[str, Any]) -> None:
    assert find("/shares/sales/files/in", **spec) == []


def test_a_share_that_the_platform_does_not_know_is_warned_of() -> None:
    volume = {"name": "s", "persistentVolumeClaim": {"claimName": "saels"}}
    assert find("/shares/saels/files", volumes=[volume]) == [("warning", "the platform has no share saels")]


@pytest.mark.parametrize("argument", ["s3a://raw/shares/sales/files", "/data/shares/sales", "shares"])
def test_other_paths_are_not_shares(argument: str) -> None:
    assert find(argument) == []
