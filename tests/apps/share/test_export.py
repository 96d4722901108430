"""A table as one file on a share: read back by readers that share nothing with the job; put there whole, or not at all."""

import csv
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest

import jobkit
from share import export

pytestmark = pytest.mark.java
TABLE = "yard.refined.things"
ROWS = """SELECT 1L AS id, 'a,"b"\nü' AS name, 0.1D AS amount, CAST(1.5 AS DECIMAL(9, 2)) AS exact, true AS flag,
    TIMESTAMP '2031-03-30 01:30:00.25' AS at, DATE '2031-03-30' AS day, array(1, 2) AS list
    UNION ALL SELECT 2, NULL, 1e300, NULL, NULL, NULL, NULL, NULL"""


def export_to(share: Any, path: str, *more: str, table: str = TABLE) -> dict[str, Any]:
    return export.main(["--table", table, "--share", "risk", "--path", path, *more], share.yard.spark)


@pytest.fixture
def things(share: Any) -> Any:
    share.yard.spark.sql("CREATE NAMESPACE IF NOT EXISTS yard.refined")
    share.yard.spark.sql(f"CREATE TABLE {TABLE} USING iceberg AS {ROWS}")
    return share


def files(share: Any) -> list[str]:
    return sorted(str(file.relative_to(share.root)) for file in share.root.rglob("*"))


def test_csv_is_read_back_as_it_was(things: Any) -> None:
    result = export_to(things, "out/new/things.csv")
    assert result["rows"] == {"read": 2, "rejected": 0, "written": 2}
    with (things.root / "out/new/things.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["id", "name", "amount", "exact", "flag", "at", "day", "list"]
    assert sorted(rows) == [
        ["1", 'a,"b"\nü', "0.1", "1.50", "true", "2031-03-30 01:30:00.25", "2031-03-30", "[1,2]"],
        ["2", "", "1e+300", "", "", "", "", ""],
    ]
    assert files(things) == ["out", "out/new", "out/new/things.csv"], "no draft, no _temporary, no .crc"
    export_to(things, "out/new/things.csv", "--separator", ";", "--bom")
    assert (things.root / "out/new/things.csv").read_bytes().startswith(b"\xef\xbb\xbfid;name;")


def test_parquet_is_read_back_by_another_reader(things: Any) -> None:
    import pyarrow.parquet as parquet

    export_to(things, "things.parquet")
    assert files(things) == ["things.parquet"]
    rows = parquet.read_table(things.root / "things.parquet").to_pylist()
    assert sorted((row["id"], row["name"], row["amount"], row["list"]) for row in rows) == [
        (1, 'a,"b"\nü', 0.1, [1, 2]),
        (2, None, 1e300, None),
    ]
    assert [row.tableName for row in things.yard.spark.sql("SHOW TABLES IN yard.refined").collect()] == ["things"]


@pytest.fixture(params=["UTC", "Asia/Tokyo"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Of the machine; what a job writes is in UTC wherever it runs."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("zone")
def test_excel_is_read_back_by_another_reader(things: Any) -> None:
    """Days, times, flags and numbers are that; what Excel would change is text, and no text becomes a formula or a link."""
    numbers = "12345678901234567L AS long, 0.1234567890123456BD AS exact, 1.50000000000000000BD AS zeros, CAST('NaN' AS DOUBLE) AS none"
    texts = "DATE '1899-05-01' AS old, '=1+1' AS formula, 'http://a.example' AS link, X'00ff' AS bytes"
    things.yard.spark.sql(f"CREATE TABLE yard.refined.more USING iceberg AS SELECT {numbers}, {texts}")
    assert export_to(things, "things.xlsx")["rows"] == {"read": 2, "rejected": 0, "written": 2}
    export_to(things, "more.xlsx", table="yard.refined.more")
    header, *rows = read_excel(things.root / "things.xlsx")
    assert header == ("id", "name", "amount", "exact", "flag", "at", "day", "list")
    assert sorted(rows) == [
        (1, 'a,"b"\nü', 0.1, 1.5, True, datetime(2031, 3, 30, 1, 30, 0, 250_000), datetime(2031, 3, 30), "[1,2]"),
        (2, None, 1e300, None, None, None, None, None),
    ]
    written = ("12345678901234567", "0.1234567890123456", 1.5, "nan", "1899-05-01", "=1+1", "http://a.example", "AP8=")
    assert read_excel(things.root / "more.xlsx")[1:] == [written]
    assert files(things) == ["more.xlsx", "things.xlsx"]


def read_excel(path: Path) -> list[tuple[Any, ...]]:
    sheet = openpyxl.load_workbook(path).worksheets[0]
    assert "f" not in {cell.data_type for row in sheet.iter_rows() for cell in row}
    return list(sheet.iter_rows(values_only=True))


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT repeat('x', 32768) AS text", "row 1 has a text of more than the 32,767 characters"),
        ("SELECT id FROM range(1048576)", "yard.refined.much has more than the 1,048,575 rows or 16,384 columns"),
    ],
)
def test_what_excel_does_not_take_is_said_and_nothing_is_cut(things: Any, query: str, reason: str) -> None:
    things.yard.spark.sql(f"CREATE TABLE yard.refined.much USING iceberg AS {query}")
    with pytest.raises(jobkit.InputError, match=f"{reason} that Excel takes: write CSV or Parquet"):
        export_to(things, "much.xlsx", table="yard.refined.much")
    assert files(things) == []


@pytest.mark.fault
def test_a_driver_without_room_is_no_full_share(things: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export, "fill_sheet", refuse)
    with pytest.raises(jobkit.InputError, match=r"the driver has no room to make the workbook: .*No space left on device"):
        export_to(things, "things.xlsx")
    assert files(things) == []


def test_a_parquet_file_that_memory_cannot_hold_is_refused(things: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it is read, with what to do; and nothing of it stays."""
    things.put("things.parquet", "old")
    assert export.find_largest(things.yard.spark) == 128 << 20, "an eighth of the 1 GiB that the tests have"
    monkeypatch.setattr(export, "IN_MEMORY", 1 << 20)
    with pytest.raises(
        jobkit.InputError, match=r"things is 0\.0 MiB of Parquet, .* of driver or executor is 0\.0: give both more, or write CSV"
    ):
        export_to(things, "things.parquet")
    assert (files(things), (things.root / "things.parquet").read_text()) == (["things.parquet"], "old")
    assert [row.tableName for row in things.yard.spark.sql("SHOW TABLES IN yard.refined").collect()] == ["things"]


def test_memory_is_read_as_spark_says_it() -> None:
    assert [export.memory(text) for text in ("512m", "1g", "2048MB", "512")] == [512 << 20, 1 << 30, 2 << 30, 512 << 20]


@pytest.mark.fault
def test_a_file_that_somebody_holds_open_keeps_its_place(things: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    things.put("things.csv", "old")

    def refuse(*args: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(export.os, "replace", refuse)
    with pytest.raises(jobkit.InputError, match=r"things\.csv cannot be put in place \(Permission denied\): has somebody opened it"):
        export_to(things, "things.csv")
    assert (things.root / "things.csv").read_text() == "old"
    assert files(things) == ["things.csv"]


@pytest.mark.fault
def test_a_full_share_leaves_nothing_half(things: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the file system says it, and as FUSE does."""

    def refuse(file: int) -> None:
        raise error

    monkeypatch.setattr(export.os, "fsync", refuse)
    error = OSError(28, "No space left on device")
    with pytest.raises(jobkit.InputError, match=r"things\.csv cannot be written: No space left on device"):
        export_to(things, "things.csv")
    monkeypatch.setattr(export.os, "statvfs", lambda folder: SimpleNamespace(f_bavail=3, f_frsize=4096))
    error = OSError(5, "Input/output error")
    with pytest.raises(jobkit.InputError, match=r"things\.csv cannot be written: the share is full"):
        export_to(things, "things.csv")
    assert files(things) == []


def test_what_is_not_there_is_named(things: Any, tmp_path: Path) -> None:
    with pytest.raises(jobkit.InputError, match=r"yard.refined.other: no such table"):
        export_to(things, "a.csv", table="yard.refined.other")
    things.root.rmdir()
    with pytest.raises(jobkit.InputError, match=r"share risk: .* is not there"):
        export_to(things, "a.csv")


@pytest.mark.parametrize("path", ["a.xls", "a", "a/../b.csv", "a:b.csv", "x /b.csv", "x./b.csv"])
def test_paths_that_windows_does_not_take_are_refused(spark: Any, path: str) -> None:
    with pytest.raises(jobkit.UsageError, match=r"--path"):
        export.main(["--table", TABLE, "--share", "risk", "--path", path], spark)
