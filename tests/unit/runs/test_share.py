"""`sparkyard share test`: the probe on a folder of this machine, its judgement, and the pod that it runs in."""

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sparkyard.errors import UsageError
from sparkyard.runs import share, share_probe
from sparkyard.runs.share_words import Finding, judge
from sparkyard.settings import Images, PlatformSettings, Share

SALES = Share(name="sales", mount_path="/shares/sales", read_only=False, address="//files/Sales")
SETTINGS = PlatformSettings(images=Images(spark="yard/spark:1"), shares=(SALES,))


def run_probe(folder: Path, access: str) -> dict[str, Any]:
    """As in the pod: the text of the file, without our package."""
    text = Path(share_probe.__file__).read_text()
    done = subprocess.run([sys.executable, "-I", "-c", text, str(folder), access], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def verdicts(findings: list[Finding]) -> dict[str, str]:
    return {finding.check: finding.verdict for finding in findings}


def test_a_folder_that_can_all_is_judged_good_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1")
    facts = run_probe(tmp_path, "rw")
    found = verdicts(judge(facts, SALES))
    assert {check for check, verdict in found.items() if verdict == "fail"} == set()
    assert found.keys() == {"list", "read", "space", "write", "rename", "folders", "case", "names", "lock", "delete"}
    assert found["case"] == "warn", "here Name and NAME are two files"
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_a_share_declared_read_only_that_takes_files_is_a_failure(tmp_path: Path) -> None:
    [finding] = [item for item in judge(run_probe(tmp_path, "ro"), SALES) if item.check == "refuse"]
    assert (finding.verdict, list(tmp_path.iterdir())) == ("fail", [])


def test_a_folder_that_is_not_there_is_one_finding(tmp_path: Path) -> None:
    [finding] = judge(share_probe.probe(tmp_path / "gone", "rw"), SALES)
    assert (finding.check, finding.verdict) == ("list", "fail")
    assert "//files/Sales" in finding.words


def test_what_the_agent_knows_is_said_rather_than_the_kernels_words() -> None:
    message = "share sales (//files/Sales): logon failure (x); correct username, password or domain in Secret sparkyard-shares/sales"
    facts = {"state": {"state": "lost", "message": message}, "list": {"error": "Permission denied"}}
    assert judge(facts, SALES) == [
        Finding("list", "fail", *message.split("; ")),
    ]


def test_what_hangs_is_said_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share_probe, "PATIENCE", 0.05)
    assert share_probe.attempt(lambda _: time.sleep(1) or {}, Path("/")) == {"hangs": 0.05}
    [finding] = judge({"list": {"hangs": 20}}, SALES)
    assert "does not come back within 20 s" in finding.words


FAILS = {
    ("write", errno.ENOSPC): "free space on the server",
    ("write", errno.EACCES): "give the account the right to write on the share and on its folder, or declare access: ro",
    ("read", errno.EIO): "is it mounted on that node? the logs of the agent, or of csi-driver-smb, say why",
}


@pytest.mark.parametrize(("case", "change"), FAILS.items(), ids=str)
def test_each_refusal_names_what_to_change(case: tuple[str, int], change: str) -> None:
    [finding] = judge({case[0]: {"error": os.strerror(case[1])}}, SALES)
    assert (finding.verdict, finding.change) == ("fail", change)


def test_a_full_share_is_told_by_its_free_space() -> None:
    """rclone gives the kernel an I/O error for it."""
    found = judge({"space": {"free": 1000, "total": 4 << 20}, "write": {"error": os.strerror(errno.EIO)}}, SALES)
    assert [finding.words for finding in found if finding.verdict == "fail"] == ["the share is full"]


def test_its_pod_is_like_an_executors_and_restricted() -> None:
    spec = share.make_pod(SALES, SETTINGS, "share-test")["spec"]
    [container] = spec["containers"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert (spec["serviceAccountName"], spec["automountServiceAccountToken"]) == ("spark-executor", False)
    assert container["command"][-2:] == ["/shares/sales/files", "rw"]
    assert {"name": "share-sales", "mountPath": "/shares/sales", "mountPropagation": "HostToContainer"} in container["volumeMounts"]
    assert "envFrom" not in container


def test_an_unknown_share_names_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="declared are: sales"):
        share.require_share(SETTINGS, "saels")
