"""Which file becomes which key, and that it arrives as it is."""

import gzip
from pathlib import Path

import pyarrow.fs as fs
import pytest

from sparkyard.errors import InputError, UsageError
from sparkyard.s3 import Store, plan_upload, upload_files


def test_files_of_a_folder_keep_their_places(tmp_path: Path) -> None:
    (tmp_path / "events/day").mkdir(parents=True)
    (tmp_path / "events/a.csv").write_text("a")
    (tmp_path / "events/day/b.csv").write_text("b")
    plan = plan_upload([tmp_path / "events", tmp_path / "events/a.csv"], "raw/in/")
    assert [key for _, key in plan] == ["raw/in/a.csv", "raw/in/day/b.csv", "raw/in/a.csv"]


def test_an_unknown_bucket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="buckets are raw, lake, eventlogs"):
        plan_upload([tmp_path], "elsewhere/x")


def test_nothing_to_upload_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        plan_upload([tmp_path / "missing"], "raw")
    with pytest.raises(InputError, match="no files in it"):
        plan_upload([tmp_path], "raw")


def test_files_arrive_byte_for_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A .gz too: Arrow would compress it once more by its name."""
    (tmp_path / "store/raw").mkdir(parents=True)
    place = fs.SubTreeFileSystem(str(tmp_path / "store"), fs.LocalFileSystem())
    monkeypatch.setattr(fs, "S3FileSystem", lambda **_: place)
    source = tmp_path / "part.csv.gz"
    source.write_bytes(gzip.compress(b"1,2\n"))
    upload_files(Store("127.0.0.1:1", "key", "secret"), [(source, "raw/part.csv.gz")], lambda _: None)
    assert (tmp_path / "store/raw/part.csv.gz").read_bytes() == source.read_bytes()
