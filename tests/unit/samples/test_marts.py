"""A larger scale adds files and leaves the others; as many rows are broken as asked. That the traps are there: tests/apps/marts."""

import io

from pyarrow import parquet

from sparkyard.samples import FAMILIES
from sparkyard.samples.marts import DAYS


def make(scale: float, broken: float = 0.0) -> dict[str, bytes]:
    return dict(FAMILIES["marts"](scale, 0, broken))


def test_a_larger_scale_adds_people_and_keeps_the_others() -> None:
    small, large = make(0.02), make(0.04)
    assert list(large) == list(small)
    assert len(small) == DAYS + 2
    for name in [name for name in small if name.endswith("parquet")][:3]:
        few, many = (parquet.read_table(io.BytesIO(files[name])).to_pylist() for files in (small, large))
        assert many[: len(few)] == few
        assert len(many) > len(few)


def test_as_many_rows_are_broken_as_asked() -> None:
    whole, broken = make(0.04), make(0.04, broken=0.1)
    name = next(name for name in whole if "2022-03-07" in name)
    pairs = zip(*(parquet.read_table(io.BytesIO(files[name])).to_pylist() for files in (whole, broken)), strict=True)
    same = [good == bad for good, bad in pairs]
    assert same.count(False) == round(0.1 * len(same))
