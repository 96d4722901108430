"""A night of losses, from the share that a release declares to the SQL database of the site: every cell of what arrives there."""

import base64
import hashlib
import io
import json
import re
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml
from apps.losses.conftest import CURVES, duck
from e2e.samba import PASSWORDS, Samba, make_secret
from e2e.site import psql
from kubernetes.utils.quantity import parse_quantity
from pyiceberg.io import load_file_io

from sparkyard import lake
from sparkyard.project import ROOT
from sparkyard.runs.cluster_lake import open_catalog
from sparkyard.samples.losses import make_files

pytestmark = [pytest.mark.cluster, pytest.mark.long]
SHARES = [
    {"name": "risk", "server": "samba.e2e-samba.svc", "share": "data", "subPath": "losses", "secret": "e2e-spark"},
    {"name": "results", "server": "samba.e2e-samba.svc", "share": "full", "secret": "e2e-spark", "access": "rw"},
]
PERIODS = [2, 10, 250]
COLUMNS = """snapshot, "RegionID", "LayerID", return_period, basis, iterations, iterations_with_rows,
    average_annual_loss, standard_deviation, occurrence_loss, aggregate_loss"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("losses")
    for name, content in make_files(0.1):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def share(yard: Any, files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    """A release that declares it, as the README of charts/windows-shares says; and without it again."""
    server = Samba(yard)
    server.start()
    for file in files.rglob("*.csv"):
        server.put(f"/srv/data/losses/{file.relative_to(files)}", file.read_bytes())
    values = tmp_path_factory.mktemp("values") / "values.yaml"
    values.write_text(yaml.safe_dump({"global": {"shares": SHARES}}))
    try:
        secret = make_secret("spark", PASSWORDS["spark"])
        secret["metadata"]["namespace"] = "sparkyard-shares"
        yard.sparkyard("install", "--preset", "small-node", "--values", str(values))
        server.apply(secret)
        wait_for_share(yard, "risk")
        yield server
    finally:
        yard.delete("share-land", "share-export")  # a claim stays as long as a pod that names it, an ended driver too
        yard.sparkyard("install", "--preset", "small-node", "--forget-values")
        server.stop()


def test_a_night_of_losses(yard: Any, site: Any, share: Samba, files: Path) -> None:
    yard.drop_tables("losses_")
    yard.drop_tables("share_land_files")
    submit(yard, "share-land")
    submit(yard, "losses-land")
    submit(yard, "losses-curves", "--iterations", "10000", "--periods", ",".join(map(str, PERIODS)))
    submit(yard, "sql-publish", "--table", "yard.refined.losses_curves", "--to", "results")
    arrived = [tuple(json.loads(row)) for row in psql(site, f"SELECT json_build_array({COLUMNS})::text FROM losses_curves")]
    expected = duck(files).sql(CURVES.format(loss="Layer", iterations=10_000, periods=PERIODS)).fetchall()
    for row, wanted in zip(sorted(arrived), sorted(expected), strict=True):
        assert row == tuple(pytest.approx(cell, rel=1e-9, abs=1e-9) if isinstance(cell, float) else cell for cell in wanted)
    assert len(arrived) == 2 * 3 * 12 * len(PERIODS)
    assert export(yard, "results", "--table", "yard.refined.losses_curves", "--path", "out/curves.xlsx") == "COMPLETED"
    book = io.BytesIO(base64.b64decode(share.run("base64 -w0 /srv/full/out/curves.xlsx; rm -r /srv/full/out")))
    assert len(list(openpyxl.load_workbook(book).worksheets[0].iter_rows())) == 1 + len(arrived)


MOVING = "/srv/data/losses/moving"
# One that its writer holds open and adds to, one whose place a new version takes all the time, each as long as the other, and one at rest.
WRITERS = f"""
mkdir -p {MOVING}; printf 'at rest' > {MOVING}/rests.csv; rm -f /srv/stop
(exec 3> {MOVING}/grows.csv; while [ ! -e /srv/stop ]; do echo another line >&3; sleep 0.3; done) < /dev/null > /dev/null 2>&1 &
(while [ ! -e /srv/stop ]; do for word in one two; do
   yes $word | head -c 8000000 > /srv/data/next; mv /srv/data/next {MOVING}/replaced.csv; sleep 0.5
 done; done) < /dev/null > /dev/null 2>&1 &
"""


def test_files_that_move_while_they_are_landed_are_left_and_land_whole_later(yard: Any, share: Samba) -> None:
    yard.drop_tables("share_land_files")
    share.run(WRITERS)
    try:
        first = land(yard, "e2e-moving")
        for name in ("grows.csv", "replaced.csv"):
            assert f"left for the next run: moving/{name} (still being written)" in first
        assert '"rows":{"read":3,"rejected":2,"written":1}' in first
        assert read_raw(yard, "e2e-moving") == {"moving/rests.csv": b"at rest"}
    finally:
        share.run("touch /srv/stop; sleep 2")
    assert '"rows":{"read":2,"rejected":0,"written":2}' in land(yard, "e2e-moving")
    assert read_raw(yard, "e2e-moving") == {f"moving/{name}": on_share(share, name) for name in ("rests.csv", "grows.csv", "replaced.csv")}
    assert '"rows":{"read":0,' in land(yard, "e2e-moving")


def test_a_server_that_dies_while_it_is_read_costs_time_and_no_file(yard: Any, share: Samba) -> None:
    yard.drop_tables("share_land_files")
    share.run(f"mkdir -p {MOVING}; for n in 1 2 3; do yes $n | head -c 64000000 > {MOVING}/large-$n.csv; done; sleep 6")
    yard.apply(landing("e2e-restart", "moving/large-*"))
    wait_for_words(yard, "STEP copy")
    for _ in range(4):  # one of them is while a file is read
        share.crash()
        time.sleep(2)
    state = yard.wait_for_end("share-land")["status"]["applicationState"]["state"]
    told = driver_log(yard)
    assert state == "COMPLETED" or "share risk: " in told, told
    wait_for_share(yard, "risk")
    again = land(yard, "e2e-restart", "moving/large-*")
    assert "left for the next run" not in again
    landed = read_raw(yard, "e2e-restart")
    assert {path: hashlib.sha256(content).digest() for path, content in landed.items()} == {
        f"moving/large-{n}.csv": hashlib.sha256((b"%d\n" % n) * 32_000_000).digest() for n in (1, 2, 3)
    }


@pytest.mark.parametrize(
    ("name", "cause"),
    [("results", "the share is full|No space left on device"), ("risk", "Read-only file system|Permission denied|Operation not permitted")],
)
def test_a_share_that_takes_no_file_is_named_and_holds_no_half_of_it(yard: Any, share: Samba, name: str, cause: str) -> None:
    """A full one, and one that is read-only. The table is what the night has left."""
    share.run("dd if=/dev/zero of=/srv/full/filler bs=64k count=1000 2> /dev/null || true")
    state = export(yard, name, "--table", "yard.trusted.losses_land", "--path", "curves.csv")
    log = yard.kubectl("logs", "-n", yard.namespace, "share-export-driver", "--tail=-1").stdout
    assert state == "FAILED", log
    assert re.search(rf"/shares/{name}/files/curves.csv cannot be written: .*({cause})", log), log
    assert share.run("ls -A /srv/full; find /srv/data/losses -name '*curves.csv*'").split() == ["filler"]


def export(yard: Any, share: str, *arguments: str) -> str:
    """The state in which it ends."""
    manifest = yaml.safe_load((ROOT / "manifests/jobs/share-export.yaml").read_text())
    manifest["spec"]["arguments"] = ["--share", share, *arguments]
    manifest["spec"]["volumes"] = [{"name": share, "persistentVolumeClaim": {"claimName": share}}]
    return str(yard.wait_for_end(yard.apply(manifest))["status"]["applicationState"]["state"])


MANY = 100_000


@pytest.mark.timeout(7200)
def test_a_hundred_thousand_small_files_land_within_a_gibibyte(yard: Any, share: Samba, capsys: pytest.CaptureFixture[str]) -> None:
    """A thousand a folder; what the driver says when, and what was landed, file by file."""
    yard.drop_tables("share_land_files")
    make = "d=/srv/data/losses/many/$k; mkdir -p $d; n=$((k * 1000)); end=$((n + 1000))"
    write = 'while [ $n -lt $end ]; do echo $n,one > "$d/small file $n.csv"; n=$((n + 1)); done'
    share.run(f"for k in $(seq 0 {MANY // 1000 - 1}); do {make}; {write}; done; sleep 6")
    yard.apply(landing("e2e-many", folder="many"))
    driver = yard.wait_for_driver("share-land")
    assert parse_quantity(driver["spec"]["containers"][0]["resources"]["limits"]["memory"]) <= 1 << 30
    app = yard.wait_for_end("share-land", timeout=6000)
    told = yard.kubectl("logs", "-n", yard.namespace, "share-land-driver", "--tail=-1", "--timestamps").stdout
    assert app["status"]["applicationState"]["state"] == "COMPLETED", told[-3000:]
    assert f'"rows":{{"read":{MANY},"rejected":0,"written":{MANY}}}' in told
    with open_catalog(yard.kube) as catalog:
        landed = {row["path"]: row["sha256"] for row in lake.load_table(catalog, "yard.raw.share_land_files").to_pylist()}
    assert landed == {f"many/{n // 1000}/small file {n}.csv": hashlib.sha256(b"%d,one\n" % n).hexdigest() for n in range(MANY)}
    words = [line for line in told.splitlines() if re.search("STEP|files", line) and " INFO " not in line]
    with capsys.disabled():
        print("", *words, *describe_silence(words), sep="\n")


def describe_silence(words: list[str]) -> list[str]:
    """How long the driver said nothing before its first word of progress, in each of its two long phases and at most."""
    times = [datetime.fromisoformat(f"{line[:23]}+00:00") for line in words]
    silent = [(after - before).total_seconds() for before, after in pairwise(times)]
    steps = {step: next(n for n, line in enumerate(words) if f"STEP {step}" in line) for step in ("session", "list the share", "copy")}
    assert "listed after" in words[steps["list the share"] + 1], words
    assert words[steps["copy"] + 1].endswith("on their way"), words
    first = (times[steps["list the share"] + 1] - times[steps["session"]]).total_seconds()
    return [
        f"first progress {silent[steps['list the share']]:.1f} s after the listing began, {first:.1f} s after the job's first line",
        f"of copying {silent[steps['copy']]:.1f} s after it began; longest silence {max(silent):.1f} s",
    ]


def landing(place: str, pattern: str = "*", folder: str = "moving") -> dict[str, Any]:
    manifest: dict[str, Any] = yaml.safe_load((ROOT / "manifests/jobs/share-land.yaml").read_text())
    manifest["spec"]["arguments"] = ["--share", "risk", "--folder", folder, "--pattern", pattern, "--to", f"s3a://raw/{place}"]
    return manifest


def land(yard: Any, place: str, pattern: str = "*") -> str:
    """What the driver said."""
    app = yard.wait_for_end(yard.apply(landing(place, pattern)))
    told = driver_log(yard)
    assert app["status"]["applicationState"]["state"] == "COMPLETED", told
    return told


def driver_log(yard: Any) -> str:
    return str(yard.kubectl("logs", "-n", yard.namespace, "share-land-driver", "--tail=-1", check=False).stdout)


def wait_for_words(yard: Any, words: str, timeout: float = 120) -> None:
    deadline = time.monotonic() + timeout
    while words not in (told := driver_log(yard)):
        assert time.monotonic() < deadline, told
        time.sleep(0.3)


def read_raw(yard: Any, place: str) -> dict[str, bytes]:
    """What the book says has landed there, each once, as the store has it."""
    with open_catalog(yard.kube) as catalog:
        uris = [row["uri"] for row in lake.load_table(catalog, "yard.raw.share_land_files").to_pylist() if f"/{place}/" in row["uri"]]
        assert len(uris) == len(set(uris)), uris
        files = load_file_io(catalog.properties)
        return {uri.partition("/risk/")[2]: files.new_input(uri.replace("s3a://", "s3://")).open().read() for uri in uris}


def on_share(share: Samba, name: str) -> bytes:
    return base64.b64decode(share.run(f"base64 -w0 {MOVING}/{name}"))


def wait_for_share(yard: Any, name: str, timeout: float = 180) -> None:
    deadline = time.monotonic() + timeout
    while (tried := yard.sparkyard("share", "test", name, code=None)).returncode:
        assert time.monotonic() < deadline, tried.stdout + tried.stderr
        time.sleep(5)


def submit(yard: Any, job: str, *args: str) -> None:
    yard.delete(job)
    yard.sparkyard("submit", str(ROOT / f"manifests/jobs/{job}.yaml"), "--wait", "--no-log", *(["--", *args] if args else []))
