from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkyard import lake, plot
from sparkyard.errors import InputError

ROWS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", None])), max_size=8)


def table(rows: list[tuple[int, str | None]]) -> pa.Table:
    return pa.table({"n": pa.array([row[0] for row in rows], pa.int64()), "s": pa.array([row[1] for row in rows], pa.string())})


@given(ROWS, st.randoms(use_true_random=False))
def test_no_order_changes_the_checksum(rows: list[tuple[int, str | None]], chance: object) -> None:
    shuffled = rows.copy()
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert lake.checksum(table(rows)) == lake.checksum(table(shuffled).select(["s", "n"]))


@given(ROWS, ROWS)
def test_other_rows_have_another_checksum(left: list[tuple[int, str | None]], right: list[tuple[int, str | None]]) -> None:
    same = sorted(left, key=repr) == sorted(right, key=repr)
    assert (lake.checksum(table(left)) == lake.checksum(table(right))) == same


def test_a_row_twice_is_not_a_row_once() -> None:
    assert lake.checksum(table([(1, "a"), (1, "a")])) != lake.checksum(table([(1, "a")]))


def test_no_lake_yet(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no lake here"):
        lake.load_catalog(tmp_path)


@pytest.mark.parametrize("kind", ["line", "bar", "scatter"])
def test_a_plot_is_drawn_whatever_is_missing(tmp_path: Path, kind: str) -> None:
    columns = {"at": [datetime(2026, 1, 2, tzinfo=UTC), None, datetime(2026, 1, 1, tzinfo=UTC)], "open_count": [3, 4, None]}
    wish = {"table": "yard.x", "kind": kind, "x": "at", "y": ["open_count"], "title": "T", "caption": "C"}
    plot.draw(columns, wish, tmp_path / "p.png")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
