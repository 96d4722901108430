"""Which file becomes which key."""

from pathlib import Path

import pytest

from sparkyard.errors import InputError, UsageError
from sparkyard.s3 import plan_upload


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
