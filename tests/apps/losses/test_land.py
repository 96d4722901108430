"""Landed losses against the same files in DuckDB, cell by cell; what is broken, changed or of another kind."""

from pathlib import Path
from typing import Any

import pytest
from apps.losses.conftest import AMOUNTS, IDS, put

import jobfiles
import jobgroups
import jobkit
import losskit
from losses import land
from share import land as share_land
from sparkyard.samples import losses as sample

pytestmark = pytest.mark.java
LINE = "7,5,100,42,1,1,1000.25,10,1,3,500,25,50,990.25,0,2000.5,9"
COLUMNS = ["snapshot", *(losskit.RENAMED.get(name, name) for name in losskit.columns())]


def run(yard: Any, *more: str) -> dict[str, Any]:
    return land.main(["--input", yard.uri, *more], yard.spark)


def put_lines(yard: Any, name: str, *lines: str, header: str = land.HEADER, end: str = "\n") -> None:
    (yard.raw / name).parent.mkdir(parents=True, exist_ok=True)
    (yard.raw / name).write_bytes(end.join([header, *lines, ""]).encode())


def test_every_cell_equals_the_files(losses: Any) -> None:
    assert losses.landed["rows"] == {"read": 20_000, "rejected": 0, "written": 20_000}
    names = ", ".join(f"{name}::DOUBLE" if name in AMOUNTS.split() else name for name in losskit.columns())
    assert losses.rows(losskit.ROWS, *COLUMNS) == sorted(losses.duck.sql(f"SELECT snapshot, {names} FROM losses").fetchall())
    assert {row[0] for row in losses.rows(losskit.ROWS, "snapshot")} == set(sample.SNAPSHOTS)


def test_a_second_run_writes_nothing_and_reads_no_row(losses: Any) -> None:
    before = losses.snapshots()
    again = run(losses)
    assert losses.snapshots() == before
    assert again["rows"]["read"] == 0
    assert "highlights" not in again, "they are of the snapshots that came: to count them anew would read the whole table"
    assert {row[0] for row in losses.landed["highlights"][1:]} == set(sample.SNAPSHOTS)


def test_one_broken_line_fails_and_no_loss_is_touched(yard: Any) -> None:
    put_lines(yard, "base/a.csv", *[LINE] * 99, LINE.replace("1000.25", "n/a"))
    with pytest.raises(jobkit.InputError, match=r"1 of 100 rows rejected .*--max-rejected: 1 × text where a number belongs"):
        run(yard)
    assert yard.rows(losskit.ROWS) == []
    assert len(yard.rows(losskit.QUARANTINE)) == 1
    result = run(yard, "--max-rejected", "0.01")
    assert result["rows"] == {"read": 100, "rejected": 1, "written": 99}


def test_as_many_lines_are_rejected_as_were_broken(yard: Any) -> None:
    put(yard.raw, 0.05, broken=0.02)
    result = run(yard, "--max-rejected", "0.02")
    assert result["rows"] == {"read": 5_000, "rejected": 100, "written": 4_900}
    assert yard.rows(losskit.ROWS, *COLUMNS[1:]) == sorted(good_lines(yard))


def good_lines(yard: Any) -> list[tuple[Any, ...]]:
    """Plain Python: the lines that are rows."""
    good = []
    for file in yard.raw.rglob("*.csv"):
        for line in file.read_text().splitlines()[1:]:
            fields = line.split(",")
            try:
                assert len(fields) == 17
                good.append(
                    tuple(
                        int(text) if name in IDS.split() else float(text) for name, text in zip(land.HEADER.split(","), fields, strict=True)
                    )
                )
            except (AssertionError, ValueError):
                continue
    return good


def test_a_line_is_a_row_or_has_its_reason(yard: Any) -> None:
    fields = LINE.split(",")
    bad = {
        "": "blank line",
        ",".join(fields[:-1]): "too few columns",
        f"{LINE},1": "too many columns",
        ",".join(["1.5", *fields[1:]]): "text where a number belongs",
        ",".join(["", *fields[1:]]): "a column is empty",
        ",".join(["0", *fields[1:]]): "no iteration",
        ",".join([*fields[:6], "NaN", *fields[7:]]): "an amount is no number",
        ",".join([*fields[:6], "1e30", *fields[7:]]): "an amount is no number",
    }
    put_lines(yard, "base/a.csv", LINE, *bad, ",".join(f'"{field}"' for field in fields), end="\r\n")
    result = run(yard, "--max-rejected", "1")
    assert {line.strip(): why for line, why in yard.rows(losskit.QUARANTINE, "line", "reason")} == bad
    assert result["rows"]["written"] == 2
    assert len(set(yard.rows(losskit.ROWS))) == 1


@pytest.mark.parametrize("header", ["Iteration,Day", land.HEADER.replace("Layer,RIP", "RIP,Layer"), LINE])
def test_a_file_with_other_columns_is_rejected_whole(yard: Any, header: str) -> None:
    """Never matched by position."""
    put_lines(yard, "base/a.csv", LINE, header=header)
    with pytest.raises(jobkit.InputError, match=r"its file has no header Iteration,"):
        run(yard)


def test_a_changed_file_corrects_and_names_are_no_patterns(yard: Any) -> None:
    put_lines(yard, "Q1 [a] #%41+ü/x{1}*.csv", LINE, LINE)
    put_lines(yard, "Q2/b.csv", LINE, header="\ufeff" + land.HEADER.upper())
    run(yard)
    put_lines(yard, "Q1 [a] #%41+ü/x{1}*.csv", LINE.replace("1000.25", "2000"))
    result = run(yard)
    assert result["facts"]["files_new"] == 1
    assert yard.rows(losskit.ROWS, "snapshot", "Layer") == [("Q1 [a] #%41+ü", 2000.0), ("Q2", 1000.25)]
    assert all(jobgroups.group_id(file) == group for file, group in yard.rows(losskit.ROWS, "source_file", "source_id"))


def test_a_snapshot_that_spark_would_hide_is_landed_under_its_own_name(yard: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a share, by way of raw; where two such folders differ by the mark alone, they stay two."""
    monkeypatch.setenv("SPARKYARD_SHARES", str(tmp_path))
    for number, snapshot in enumerate(("_2031-Q1", "~_2031-Q1", ".2031", "base")):
        (tmp_path / "risk/files" / snapshot).mkdir(parents=True)
        line = LINE.replace("1000.25", str(number))
        (tmp_path / "risk/files" / snapshot / "_losses.csv").write_text(f"{land.HEADER}\n{line}\n")
    share_land.main(["--share", "risk", "--to", yard.uri, "--settle", "0"], yard.spark)
    run(yard)
    assert yard.rows(losskit.ROWS, "snapshot", "Layer") == [(".2031", 2.0), ("_2031-Q1", 0.0), ("base", 3.0), ("~_2031-Q1", 1.0)]


def test_a_file_renamed_on_its_share_is_counted_once(yard: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the old name was never read, where another run brought the new one, and when it has its first name again."""
    monkeypatch.setenv("SPARKYARD_SHARES", str(tmp_path))
    base = tmp_path / "risk/files/base"
    base.mkdir(parents=True)
    for name, layer in {"a b.csv": "1", "c.csv": "2"}.items():
        (base / name).write_text(f"{land.HEADER}\n{LINE.replace('1000.25', layer)}\n")

    def go() -> tuple[dict[str, Any], list[Any]]:
        share_land.main(["--share", "risk", "--to", yard.uri.rstrip("/"), "--settle", "0"], yard.spark)
        return run(yard), sorted((Path(file).name, layer) for file, layer in yard.rows(losskit.ROWS, "source_file", "Layer"))

    assert go()[1] == [("a%20b.csv", 1.0), ("c.csv", 2.0)]
    (base / "a b.csv").rename(base / "d.csv")
    commits = yard.spark.table(f"{losskit.ROWS}.snapshots").count()
    result, rows = go()
    assert (rows, result["facts"]["files_withdrawn"]) == ([("c.csv", 2.0), ("d.csv", 1.0)], 1)
    assert yard.spark.table(f"{losskit.ROWS}.snapshots").count() == commits + 1, "in one step"
    (base / "d.csv").rename(base / "a b.csv")
    assert go()[1] == [("a%20b.csv", 1.0), ("c.csv", 2.0)]
    (base / "c.csv").rename(base / "e.csv")
    with monkeypatch.context() as patch:
        patch.setattr(land, "find_withdrawn", lambda spark, args: [])
        assert len(go()[1]) == 3, "as an older version left it"
    assert go()[1] == [("a%20b.csv", 1.0), ("e.csv", 2.0)]
    commits = yard.spark.table(f"{losskit.ROWS}.snapshots").count()
    go()
    assert yard.spark.table(f"{losskit.ROWS}.snapshots").count() == commits


def test_many_small_files_are_few_of_the_table_and_few_tasks(yard: Any) -> None:
    """And a changed one corrects without moving what is of other groups."""
    for number in range(200):
        put_lines(yard, f"base/{number}.csv", LINE.replace("9", str(number)))
    yard.spark.sparkContext.setJobGroup("many", "")
    run(yard)
    assert count_tasks(yard.spark, "many") < 100
    before = data_files(yard)
    assert len(before) <= jobgroups.GROUPS
    put_lines(yard, "base/7.csv", LINE.replace("1000.25", "2000"))
    result = run(yard)
    assert (result["rows"]["written"], len(before - data_files(yard)), len(data_files(yard) - before)) == (1, 1, 1)
    said = {Path(file).stem: layer for file, layer in yard.rows(losskit.ROWS, "source_file", "Layer")}
    assert said == {str(number): 2000.0 if number == 7 else 1000.25 for number in range(200)}
    assert len(yard.rows(losskit.ROWS)) == 200


def data_files(yard: Any) -> set[str]:
    return {row.file_path for row in yard.spark.table(f"{losskit.ROWS}.files").collect()}


def count_tasks(spark: Any, group: str) -> int:
    told = spark.sparkContext.statusTracker()
    jobs = [told.getJobInfo(number) for number in told.getJobIdsForGroup(group)]
    return sum(told.getStageInfo(stage).numTasks for job in jobs for stage in job.stageIds if told.getStageInfo(stage))


@pytest.mark.long
def test_rows_that_an_older_version_laid_out_otherwise_are_found(yard: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A partition for each file, once."""
    for name in "abc":
        put_lines(yard, f"base/{name}.csv", LINE)
    with monkeypatch.context() as patch:
        patch.setattr(jobgroups, "group_column", jobfiles.source_id_column)
        patch.setattr(jobgroups, "group_id", jobfiles.source_id)
        run(yard)
    assert len(data_files(yard)) == 3
    put_lines(yard, "base/b.csv", LINE.replace("1000.25", "2000"))
    run(yard)
    assert yard.rows(losskit.ROWS, "Layer") == [(1000.25,), (1000.25,), (2000.0,)]


def test_parquet_gives_the_same_rows(yard: Any, losses: Any) -> None:
    """As pandas writes it: 64 bits wide, columns in another order, one more; and a file that lacks a column has no rows."""
    for number, snapshot in enumerate(sample.SNAPSHOTS):
        (yard.raw / snapshot).mkdir(parents=True)
        names = ", ".join(reversed([f"{name}::DOUBLE AS {name}" if name in AMOUNTS.split() else name for name in losskit.columns()]))
        rows = losses.duck.sql(f"SELECT {names}, 1 AS more FROM losses WHERE snapshot = '{snapshot}'")
        rows.write_parquet(str(yard.raw / snapshot / f"{number} a.parquet"))
    assert run(yard)["rows"] == losses.landed["rows"]
    assert yard.rows(losskit.ROWS, *COLUMNS) == losses.rows(losskit.ROWS, *COLUMNS)
    rows.limit(5).project("* EXCLUDE (Layer)").write_parquet(str(yard.raw / "less.parquet"))
    with pytest.raises(jobkit.InputError, match=r"5 of 5 rows rejected .* a column is empty"):
        run(yard)
    (yard.raw / "less.parquet").write_bytes(b"PAR1 torn PAR1")
    with pytest.raises(jobkit.InputError, match=r"less.parquet cannot be read"):
        run(yard)


def test_duckdb_reads_what_the_sample_says(losses: Any) -> None:
    """The traps are there: rows of one occurrence, numbers of two sets, years without loss, gains."""
    ask = lambda sql: losses.duck.sql(sql).fetchall()[0][0]  # noqa: E731
    assert ask("SELECT max(Iteration) FROM losses") < sample.ITERATIONS
    assert ask("SELECT min(NetLayer) FROM losses") < 0
    occurrence = "snapshot, EventSetTypeId, LayerId, Iteration, Day, EventSetID, EventID"
    assert ask(f"SELECT count(*) FROM (SELECT 1 FROM losses GROUP BY {occurrence} HAVING count(*) > 1)") > 1000
    assert ask("SELECT count(*) FROM (SELECT 1 FROM losses GROUP BY EventID HAVING count(DISTINCT EventSetID) > 1)") > 100
