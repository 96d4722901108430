"""A larger scale adds files and leaves the others; as many lines are broken as asked. That the traps are there: tests/apps/losses."""

from sparkyard.samples import FAMILIES
from sparkyard.samples.losses import HEADER, SNAPSHOTS


def make(scale: float, seed: int = 0, broken: float = 0.0) -> dict[str, list[str]]:
    return {name: content.decode().splitlines() for name, content in FAMILIES["losses"](scale, seed, broken)}


def test_a_larger_scale_adds_files_and_keeps_the_others() -> None:
    small, large = make(0.2), make(0.3)
    assert list(small) == [f"{snapshot}/losses-00001.csv" for snapshot in SNAPSHOTS]
    assert {name: large[name] for name in small} == small
    assert sum(len(lines) - 1 for lines in large.values()) == 30_000
    assert {lines[0] for lines in large.values()} == {HEADER}
    assert make(0.2, seed=1) != small


def test_as_many_lines_are_broken_as_asked() -> None:
    whole, broken = make(0.02), make(0.02, broken=0.01)
    for name, lines in whole.items():
        assert sum(a != b for a, b in zip(lines, broken[name], strict=True)) == 10
