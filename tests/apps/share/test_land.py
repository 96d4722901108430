"""Landing a share: every byte, every name, every version; what moves, is locked or lost is said and never lands half."""

import contextlib
import errno
import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import jobfiles
import jobkit
import rawstore
import sharebook
import sharecopy
import sharefiles
from share import land

pytestmark = pytest.mark.java
NAMES = ["a b/ü ö/100% #1.csv", "plain.csv", "x[1]{2}*?.txt", "+&=;'~.bin", "日本/é\u0301.csv", "a+b%20c.csv", "trailing. dot/.hidden"]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_every_file_lands_byte_for_byte_and_a_second_run_copies_nothing(share: Any) -> None:
    contents = {name: os.urandom(100 + 7 * number) for number, name in enumerate(NAMES)} | {"empty.csv": b""}
    contents |= {"deep/" + "/".join(["long folder name " * 8] * 6) + "/file.csv": b"far below"}
    for name, content in contents.items():
        share.put(name, content)
    for scratch in ("~$book.xlsx", "Thumbs.db", "export.TMP"):
        share.put(scratch)
    result = share.land()
    keys = {name: rawstore.make_key(name) for name in contents}
    assert share.landed() == {keys[name]: content for name, content in contents.items()}
    assert result["rows"] == {"read": len(contents), "rejected": 0, "written": len(contents)}
    assert result["facts"]["files_ignored"] == 3
    book = share.book("path", "size", "sha256", "state", "uri")
    assert book == sorted((name, len(text), sha256(text), "landed", f"{share.to}/risk/{keys[name]}") for name, text in contents.items())
    again = share.land()
    assert again["rows"] == {"read": 0, "rejected": 0, "written": 0}
    assert again["facts"]["files_known"] == len(contents)
    assert len(share.book("path")) == len(contents)


def test_spark_reads_what_has_landed(share: Any) -> None:
    share.put("ü #%/a b.csv", "one\ntwo\n")
    share.land()
    assert share.yard.spark.read.option("recursiveFileLookup", "true").text(f"{share.to}/risk").count() == 2


HIDDEN = ["_2031-Q1/a", ".b", "_c", "d/_e/_f=1/g", "_metadata.h", "~_i", "~~.j", "~k", "_l=1/m", "_metadata-n/o", "p/~_q/r"]


def test_what_spark_would_hide_has_a_name_that_it_sees(share: Any) -> None:
    """Of paths as they are it sees those that are not hidden; of their keys, all. No two paths have one key, and a key says its path."""
    for path in HIDDEN:
        share.put(path, path)
        (share.raw.parent / "as-is" / path).parent.mkdir(parents=True, exist_ok=True)
        (share.raw.parent / "as-is" / path).write_text(path)
    share.land()
    seen = [{Path(file.path).read_text() for file in found} for found in (listed(share, "as-is"), listed(share, "risk"))]
    assert seen == [{path for path in HIDDEN if not rawstore.is_hidden(path)}, set(HIDDEN)]
    keys = {path: rawstore.make_key(path) for path in HIDDEN}
    assert [keys[path] for path in HIDDEN[:4]] == ["~_2031-Q1/a", "~.b", "~_c", "d/~_e/_f=1/g"]
    assert len(set(keys.values())) == len(keys)
    assert not rawstore.is_hidden(rawstore.make_key("_x/" + "y" * 190 + "/" + "z/" * 400))


def listed(share: Any, folder: str) -> list[Any]:
    rows = jobfiles.list_files(share.yard.spark, f"{share.to}/{folder}").selectExpr("replace(path, 's3a://raw') AS path").collect()
    return [SimpleNamespace(path=f"{share.yard.raw.parent}{row.path}") for row in rows]


def test_what_landed_under_a_hidden_name_lands_again_and_any_other_keeps_its_place(share: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in ("_2031-Q1/a.csv", "~_b.csv", "c.csv"):
        share.put(path, path)
    with monkeypatch.context() as patch:
        patch.setattr(rawstore, "make_key", lambda path: path)  # as older versions named them
        share.land()
    assert share.land()["rows"] == {"read": 1, "rejected": 0, "written": 1}
    assert set(share.landed()) == {"_2031-Q1/a.csv", "~_2031-Q1/a.csv", "~_b.csv", "c.csv"}
    assert share.land()["rows"]["read"] == 0


def test_a_changed_file_takes_the_place_of_the_old_one_and_a_touched_one_is_not_copied(share: Any) -> None:
    share.put("changed.csv", "old")
    share.put("touched.csv", "same")
    share.land()
    before = (share.raw / "touched.csv").stat()
    share.put("changed.csv", "new", age=60)  # of the same size
    share.touch("touched.csv", age=60)
    result = share.land()
    assert (result["rows"]["written"], result["facts"]["files_same"]) == (1, 1)
    assert share.landed() == {"changed.csv": b"new", "touched.csv": b"same"}
    assert (share.raw / "touched.csv").stat().st_mtime_ns == before.st_mtime_ns, "jobs know a file by its time"
    assert share.land()["rows"]["read"] == 0


def test_a_vanished_file_is_said_once_and_kept(share: Any, capsys: pytest.CaptureFixture[str]) -> None:
    share.put("sub/goes.csv", "gone")
    share.put("stays.csv")
    share.land()
    (share.root / "sub/goes.csv").unlink()
    result = share.land()
    assert result["facts"]["files_vanished"] == 1
    assert "no longer on the share, kept in raw: sub/goes.csv" in capsys.readouterr().out
    assert share.landed()["sub/goes.csv"] == b"gone"
    assert "files_vanished" not in share.land()["facts"]
    share.put("sub/goes.csv", "gone")
    assert share.land()["facts"]["files_same"] == 1, "it is back"


def test_a_renamed_file_is_known_by_its_content(share: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Also when one run saw it go and a later one saw it come, and when it has its first name again; a copy, or an empty file, is none."""
    for path, content in {"base/a.csv": "one", "base/b.csv": "two", "c.csv": "one", "empty.csv": ""}.items():
        share.put(path, content)
    share.land()
    (share.root / "base/a.csv").rename(share.root / "base/new ü.csv")
    (share.root / "base/b.csv").rename(share.root.with_name("away"))
    (share.root / "empty.csv").rename(share.root / "empty-too.csv")
    share.put("copy-of-c.csv", "one")
    result = share.land()
    assert (result["facts"]["files_renamed"], result["facts"]["files_vanished"]) == (1, 3)
    [(old, to)] = [row for row in result["highlights"] if row[0] != "file"]
    assert (old, to) in {("base/a.csv", f"renamed to {name}") for name in ("base/new ü.csv", "copy-of-c.csv")}
    assert "renamed on the share: base/a.csv is " in capsys.readouterr().out
    share.root.with_name("away").rename(share.root / "base/b2.csv")
    assert share.land()["highlights"][1:] == [["base/b.csv", "renamed to base/b2.csv"]]
    (share.root / "base/b2.csv").rename(share.root / "base/b.csv")
    before = (share.raw / "base/b.csv").stat().st_mtime_ns
    result = share.land()
    assert result["highlights"][1:] == [["base/b2.csv", "renamed to base/b.csv"]]
    assert (share.raw / "base/b.csv").stat().st_mtime_ns > before, "jobs have forgotten it, and know a file by its time"
    assert {path for path, state in last_states(share).items() if state == "renamed"} == {"base/a.csv", "base/b2.csv"}
    assert "highlights" not in share.land()


def last_states(share: Any) -> dict[str, str]:
    return {path: state for _, path, state in share.book("loaded", "path", "state")}


def test_an_empty_share_that_was_full_is_a_lost_one(share: Any) -> None:
    share.put("a.csv")
    share.land()
    (share.root / "a.csv").unlink()
    with pytest.raises(jobkit.InputError, match=r"share risk: it is empty, and 1 files were there before"):
        share.land()


@pytest.mark.fault
def test_a_file_that_changes_while_it_is_read_is_left(share: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By growing, by being replaced, and by vanishing, each after its first bytes have been read; a reader of raw never sees any of it."""
    for name in ("grows", "replaced", "goes", "stays"):
        share.put(name, "0123456789")
    share.put("other", "other bytes")
    store = rawstore.Folder(str(share.raw))
    files = [land.Wanted(*listed, listed.path, "") for listed in sharefiles.list_files("risk", "", "*", print).files]
    moved: list[str] = []

    def move(source: Any) -> bytes:
        name = Path(source.path).name
        if name not in moved:
            moved.append(name)
            {"grows": grow, "replaced": replace, "goes": Path.unlink}.get(name, lambda path: None)(Path(source.path))
        return read(source)

    def grow(path: Path) -> None:
        with path.open("ab") as file:
            file.write(b"more")

    def replace(path: Path) -> None:
        (share.root / "other").replace(path)

    read = sharecopy._Source.read
    monkeypatch.setattr(sharecopy._Source, "read", move)
    outcomes = {files[said.number].path: (said.state, said.reason) for said in sharecopy.copy_files(str(share.root), store, files)}
    left = ("left", sharecopy.CHANGING)
    assert {name: outcomes[name] for name in ("grows", "replaced", "goes", "stays")} == dict.fromkeys(
        ("grows", "replaced", "goes"), left
    ) | {"stays": ("copied", "")}
    assert {name for name in share.landed() if name != "other"} == {"stays"}, "no draft either"


@pytest.mark.fault
def test_what_changed_after_the_listing_is_left_and_lands_next_time(share: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    share.put("a.csv", "first")
    share.put("b.csv", "fine")
    list_files = sharefiles.list_files

    def list_and_change(*args: Any) -> Any:
        listing = list_files(*args)
        share.put("a.csv", "first and second", age=1)
        return listing

    with monkeypatch.context() as patch:
        patch.setattr(sharefiles, "list_files", list_and_change)
        result = share.land()
    assert result["facts"]["left_because"] == {sharecopy.CHANGING: 1}
    assert result["highlights"][1] == ["a.csv", sharecopy.CHANGING]
    assert share.landed() == {"b.csv": b"fine"}
    assert share.land()["rows"]["written"] == 1
    assert share.landed()["a.csv"] == b"first and second"


@pytest.mark.fault
def test_a_file_is_looked_at_twice_and_must_not_have_moved(share: Any, sleep_as: Callable[..., None]) -> None:
    """While the run waits, its writer writes on; where nothing is new nothing is waited for."""
    waited: list[float] = []

    def write_on(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 1:
            share.put("slow.csv", "begun and ended")

    sleep_as(land, write_on)
    share.put("slow.csv", "begun")
    assert share.land("--settle", "600")["facts"]["left_because"] == {sharecopy.CHANGING: 1}
    assert share.land("--settle", "600")["rows"]["written"] == 1
    share.land("--settle", "600")
    assert [seconds > 0 for seconds in waited] == [True, True, False]


@pytest.mark.fault
@pytest.mark.parametrize(
    ("code", "tries", "outcome"),
    [
        (errno.EBUSY, 1, ("left", sharecopy.NO_ACCESS)),
        (errno.EACCES, 1, ("left", sharecopy.NO_ACCESS)),
        (errno.ENOENT, 1, ("gone", "")),
        (errno.EIO, 3, ("left", "Input/output error")),
        (errno.ENAMETOOLONG, 1, ("left", "File name too long")),
    ],
)
def test_a_file_that_cannot_be_opened_is_left_with_its_reason(
    share: Any, monkeypatch: pytest.MonkeyPatch, sleep_as: Callable[..., None], code: int, tries: int, outcome: tuple[str, str]
) -> None:
    """A lock of Windows is EBUSY or EACCES here, by the way it is mounted."""
    opened: list[str] = []

    def refuse(path: str, flags: int) -> int:
        opened.append(path)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(sharecopy.os, "open", refuse)
    sleep_as(sharecopy)
    wanted = land.Wanted("a.csv", 1, 1, "a.csv", "")
    said = sharecopy.copy_file(str(share.root), rawstore.Folder(str(share.raw)), wanted, 0, lambda: None)
    assert (said.state, said.reason, len(opened)) == (*outcome, tries)


@pytest.mark.fault
def test_a_server_that_restarts_in_the_middle_of_a_read_costs_a_second_try(
    share: Any, monkeypatch: pytest.MonkeyPatch, sleep_as: Callable[..., None]
) -> None:
    share.put("a.csv", b"x" * 100)
    read, failures = sharecopy._Source.read, [errno.EIO]

    def fail_once(source: Any) -> bytes:
        if failures:
            raise sharecopy._ShareError(OSError(failures.pop(), "Input/output error"))
        return read(source)

    monkeypatch.setattr(sharecopy._Source, "read", fail_once)
    sleep_as(sharecopy)
    [listed] = sharefiles.list_files("risk", "", "*", print).files
    [said] = sharecopy.copy_files(str(share.root), rawstore.Folder(str(share.raw)), [land.Wanted(*listed, "a.csv", "")])
    assert said.state == "copied"
    assert share.landed() == {"a.csv": b"x" * 100}


@pytest.mark.fault
def test_a_share_that_hangs_is_named_and_waited_for_no_longer_than_told(share: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()

    def hang(folder: str) -> Any:
        never.wait()
        return contextlib.nullcontext(iter(()))

    share.put("a.csv")
    [listed] = sharefiles.list_files("risk", "", "*", print).files
    with monkeypatch.context() as patch:
        patch.setattr(sharefiles.os, "scandir", hang)
        with pytest.raises(jobkit.InputError, match=r"share risk: .*/risk/files does not answer within 0 s"):
            sharefiles.open_share("risk", patience=0.2)
        with pytest.raises(jobkit.InputError, match=r"share risk: .* has not answered"):
            sharefiles.list_files("risk", "", "*", print, patience=0.2)
    monkeypatch.setattr(sharecopy.os, "open", lambda path, flags: never.wait() and -1)
    wanted = land.Wanted(*listed, "a.csv", "")
    [said] = sharecopy.copy_files(str(share.root), rawstore.Folder(str(share.raw)), [wanted], patience=0.2)
    never.set()
    assert (said.state, said.reason) == ("left", sharecopy.SILENT)


def test_a_share_that_is_not_there_is_named(share: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    share.root.rmdir()
    with pytest.raises(jobkit.InputError, match=r"share risk: .*/risk/files is not there. Is it mounted"):
        share.land()
    (share.root.parent / "state.json").write_text(json.dumps({"state": "lost", "message": "files01 refuses the password of spark."}))
    with pytest.raises(jobkit.InputError, match=r"is not there\. files01 refuses the password of spark\. sparkyard share test risk"):
        share.land()
    (share.root.parent / "state.json").write_text("half-writ")
    monkeypatch.setattr(sharefiles.os, "scandir", lambda folder: (_ for _ in ()).throw(PermissionError(errno.EACCES, "denied")))
    with pytest.raises(jobkit.InputError, match=r"share risk: .* may not be read: nothing is mounted there"):
        share.land()


@pytest.mark.fault
def test_a_share_lost_in_the_middle_fails_and_what_has_landed_is_known(share: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        share.put(f"{number}.csv", str(number))
    monkeypatch.setattr(land, "ROUND", 2)
    copy_round, rounds = land.copy_round, []

    def lose(*args: Any) -> Any:
        if rounds:
            share.root.rename(share.root.with_name("away"))
        rounds.append(1)
        return copy_round(*args)

    with monkeypatch.context() as patch:
        patch.setattr(land, "copy_round", lose)
        with pytest.raises(jobkit.InputError, match=r"share risk: .* is not there"):
            share.land()
    share.root.with_name("away").rename(share.root)
    result = share.land()
    assert (result["facts"]["files_known"], result["rows"]["written"]) == (2, 2)
    assert share.landed() == {f"{number}.csv": str(number).encode() for number in range(4)}


def test_a_long_round_says_that_files_are_on_their_way(share: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    for number in range(3):
        share.put(f"{number}.csv", str(number))
    monkeypatch.setattr(land, "SAID_EVERY", 0.01)
    share.land()
    told = re.findall(r"(\d) of 3 files looked at(.*)", capsys.readouterr().out)
    assert told[0] == ("0", ", 3 more on their way")
    assert told[-1] == ("3", ", 3 copied (0 MB)")


@pytest.mark.fault
def test_a_run_killed_before_it_noted_copies_again(share: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    share.put("a.csv", "a")
    with monkeypatch.context() as patch:
        patch.setattr(sharebook, "note", lambda *args: (_ for _ in ()).throw(RuntimeError("killed")))
        with pytest.raises(RuntimeError, match=r"killed"):
            share.land()
    assert share.land()["rows"]["written"] == 1
    assert len(share.book()) == 1


@pytest.mark.fault
def test_a_run_killed_after_it_copied_leaves_a_doubt_that_the_next_one_settles(share: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raw holds the second version, which nobody noted; then somebody puts the first one back, as it was or with a new time."""
    for name in ("as-it-was.csv", "touched.csv"):
        share.put(name, "first")
    share.put("untouched.csv", "first")
    share.land()
    first = {file: file.stat().st_mtime_ns for file in share.root.iterdir()}
    for name in ("as-it-was.csv", "touched.csv"):
        share.put(name, "second and longer", age=60)
    note = sharebook.note

    def die(spark: Any, files: Any, *more: Any) -> None:
        if files[0][1] == "landed":
            raise RuntimeError("killed")
        note(spark, files, *more)

    with monkeypatch.context() as patch:
        patch.setattr(sharebook, "note", die)
        with pytest.raises(RuntimeError, match=r"killed"):
            share.land()
    assert share.landed()["touched.csv"] == b"second and longer"
    for file, modified in first.items():
        file.write_text("first")
        os.utime(file, ns=(modified, modified))
    share.touch("touched.csv", age=30)
    result = share.land()
    assert (result["rows"]["written"], result["facts"]["files_known"]) == (2, 1)
    assert set(share.landed().values()) == {b"first"}
    assert share.land()["rows"]["read"] == 0


@pytest.mark.fault
def test_a_task_that_is_tried_again_believes_nothing_known(share: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    share.put("a.csv", "a")
    [listed] = sharefiles.list_files("risk", "", "*", print).files
    wanted, store = land.Wanted(*listed, "a.csv", sha256(b"a")), rawstore.Folder(str(share.raw))
    assert [said.state for said in sharecopy.copy_files(str(share.root), store, [wanted])] == ["same"]
    monkeypatch.setattr(sharecopy.TaskContext, "get", lambda: SimpleNamespace(attemptNumber=lambda: 1))
    assert [said.state for said in sharecopy.copy_files(str(share.root), store, [wanted])] == ["copied"]


@pytest.mark.fault
def test_what_a_killed_run_left_half_written_is_swept(
    share: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    share.raw.mkdir(parents=True)
    for name, written in ((".landing-dead", time.time() - 3600), (".landing-lives", time.time())):
        (share.raw / name).write_text("half")
        os.utime(share.raw / name, (written, written))
    assert share.land()["facts"]["drafts_swept"] == 1
    assert set(share.landed()) == {".landing-lives"}
    monkeypatch.setattr(rawstore.Folder, "sweep", lambda self: (_ for _ in ()).throw(OSError("403 AccessDenied")))
    share.put("a.csv", "a")
    assert share.land()["rows"]["written"] == 1
    assert "what runs that were killed have left: 403 AccessDenied" in capsys.readouterr().out


@pytest.mark.fault
def test_a_run_that_comes_last_with_an_older_version_notices(share: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One run reads the old version, another lands the new one, and the first one's copy arrives after it."""
    share.put("a.csv", "old")
    copy_round, nested = land.copy_round, []

    def be_slow(*args: Any) -> Any:
        outcomes = copy_round(*args)
        if not nested:
            nested.append(1)
            share.put("a.csv", "new and longer", age=60)
            monkeypatch.setenv("SPARKYARD_RUN_ID", "quick")
            share.land()
            (share.raw / "a.csv").write_text("old")
        return outcomes

    monkeypatch.setenv("SPARKYARD_RUN_ID", "slow")
    monkeypatch.setattr(land, "copy_round", be_slow)
    share.land()
    assert share.landed() == {"a.csv": b"new and longer"}
    assert share.land()["rows"]["read"] == 0


@pytest.mark.fault
def test_a_place_that_cannot_be_written_is_named(share: Any) -> None:
    share.put("a.csv", "a")
    share.raw.parent.mkdir(parents=True, exist_ok=True)
    share.raw.write_text("a file where the folder should be")
    with pytest.raises(jobkit.JobError, match=r"raw cannot be written: \[Errno \d+\] .*/risk"):
        share.land()


def test_another_place_is_filled_from_the_start(share: Any) -> None:
    share.put("a.csv", "a")
    share.land()
    assert share.land("--to", f"{share.to}/second")["rows"]["written"] == 1


@pytest.mark.fault
def test_a_folder_that_cannot_be_read_is_said_and_nothing_in_it_has_vanished(share: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    share.put("private/a.csv")
    share.put("b.csv")
    share.land()
    scandir = os.scandir
    refused = PermissionError(errno.EACCES, "Permission denied")
    monkeypatch.setattr(
        sharefiles.os, "scandir", lambda path: (_ for _ in ()).throw(refused) if str(path).endswith("private") else scandir(path)
    )
    facts = share.land()["facts"]
    assert list(facts["unread_because"]) == ["private"]
    assert "files_vanished" not in facts


def test_a_name_that_is_not_utf_8_is_said_and_all_others_land(share: Any) -> None:
    """A file, and a folder with what is in it: no store and no table could name them."""
    root = os.fsencode(share.root)
    os.mkdir(root + b"/caf\xe9")
    for path in (b"/na\xefve.csv", b"/caf\xe9/in.csv"):
        with open(root + path, "wb") as file:
            file.write(b"x")
    share.put("fine/ü.csv")
    result = share.land()
    assert (result["rows"]["written"], result["facts"]["unread"]) == (1, 2)
    assert result["facts"]["unread_because"] == dict.fromkeys(("caf\ufffd", "na\ufffdve.csv"), "its name is not UTF-8")
    assert set(share.landed()) == {"fine/ü.csv"}


def test_a_part_of_a_share_by_folder_and_pattern(share: Any) -> None:
    for name in ("in/a.CSV", "in/deep/b.csv", "in/c.txt", "out/d.csv"):
        share.put(name)
    assert share.land("--folder", "/in/", "--pattern", "*.csv")["rows"]["written"] == 2
    assert set(share.landed()) == {"in/a.CSV", "in/deep/b.csv"}
    (share.root / "in/deep/b.csv").unlink()
    assert share.land("--folder", "in", "--pattern", "*.txt")["facts"].get("files_vanished") is None
    assert share.land("--folder", "in")["facts"]["files_vanished"] == 1


@pytest.mark.parametrize(
    "path", ["a/b.csv", "x" * 250 + ".csv", "ü" * 150 + ".parquet", "/".join(["folder " * 10] * 30) + "/end.csv", "ä" * 240 + "/b"]
)
def test_a_key_is_the_path_or_its_beginning(path: str) -> None:
    key = rawstore.make_key(path)
    assert len(key.encode()) <= 1024 - 120
    assert all(len(name.encode()) <= rawstore.LONGEST for name in key.split("/"))
    assert key.endswith(os.path.splitext(path)[1])
    assert (key == path) == (len(path.encode()) < 30)
    assert rawstore.make_key(path[:-5] + "z" + path[-4:]) != key, "another path, another key"


@pytest.mark.parametrize("wrong", [["--share", "a/b"], ["--share", ".."], ["--share", "risk", "--settle", "x"], []])
def test_wrong_arguments_are_named(spark: Any, wrong: list[str]) -> None:
    with pytest.raises(jobkit.UsageError, match=wrong[-2] if wrong else "--share"):
        land.main(wrong, spark)
