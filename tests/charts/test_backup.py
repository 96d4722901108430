"""Backup and restore: the catalog before the files, the files before the catalog, and nothing restored by a clock."""

from typing import Any

import pytest
from charts.render import list_containers, list_pods, names, pick, render, switch_off

pytestmark = pytest.mark.helm
Object = dict[str, Any]
STORE = {"global": {"s3": {"endpoint": "https://s3.example.com"}}}


def steps(objects: list[Object], job: str) -> list[tuple[str, str]]:
    """Each step with its image, in order: all but the last are init containers."""
    template = list_pods(objects)[f"CronJob/{job}"]
    return [(item["command"][-1], item["image"].split("/")[-1].split(":")[0]) for item in list_containers(template)]


def test_the_catalog_is_dumped_before_files_are_copied_and_loaded_after() -> None:
    objects = render()
    assert steps(objects, "lake-backup") == [("dump", "postgres"), ("copy", "versitygw")]
    assert steps(objects, "lake-restore") == [("check", "postgres"), ("copy-back", "versitygw"), ("load", "postgres")]
    for name in ("lake-backup", "lake-restore"):
        assert len(list_pods(objects)[f"CronJob/{name}"]["spec"]["containers"]) == 1, "containers of one pod start together"


def test_only_the_backup_runs_by_the_clock() -> None:
    objects = render({"lake": {"backup": {"schedule": "5 4 * * *"}}})
    backup, restore = (pick(objects, "CronJob", name)["spec"] for name in ("lake-backup", "lake-restore"))
    assert (backup["schedule"], backup["suspend"], restore["suspend"]) == ("5 4 * * *", False, True)
    assert restore["jobTemplate"]["spec"]["backoffLimit"] == 0


def test_a_backup_only_reads_the_files() -> None:
    template = list_pods(render())["CronJob/lake-backup"]
    mounts = {item["mountPath"]: item for container in list_containers(template) for item in container["volumeMounts"]}
    assert mounts["/data"]["readOnly"] is True
    assert "readOnly" not in mounts["/backup"]


def test_a_failed_backup_does_not_count_as_a_workload_of_the_release() -> None:
    """`sparkyard install` waits for what carries Helm's label."""
    for name in ("lake-backup", "lake-restore"):
        template = pick(render(), "CronJob", name)["spec"]["jobTemplate"]
        assert "metadata" not in template
        assert "app.kubernetes.io/managed-by" not in template["spec"]["template"]["metadata"]["labels"]


def test_with_a_store_of_the_sites_the_catalog_alone_is_saved() -> None:
    objects = render(STORE)
    assert [image for _, image in steps(objects, "lake-backup")] == ["postgres", "postgres"]
    assert "lake-s3" not in str(list_pods(objects)["CronJob/lake-backup"]["spec"]["volumes"])


@pytest.mark.parametrize("part", ["backup", "postgresql"])
def test_off_means_absent(part: str) -> None:
    objects = render({"lake": {part: {"enabled": False}}, **switch_off("airflow")})
    assert not [name for _, name in names(objects) if "backup" in name or "restore" in name]
