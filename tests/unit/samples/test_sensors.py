"""A larger scale adds lines to each file; as many lines are broken as asked. That the traps are there: tests/apps/sensors."""

from sparkyard.samples import FAMILIES
from sparkyard.samples.sensors import DAYS


def make(scale: float, broken: float = 0.0) -> dict[str, list[str]]:
    return {name: content.decode().splitlines() for name, content in FAMILIES["sensors"](scale, 0, broken)}


def test_a_larger_scale_adds_lines_and_keeps_the_others() -> None:
    small, large = make(0.02), make(0.03)
    assert list(large) == list(small)
    assert len(small) == DAYS
    assert all(large[name][: len(lines)] == lines and len(large[name]) > len(lines) for name, lines in small.items())


def test_as_many_lines_are_broken_as_asked() -> None:
    for whole, broken in zip(make(0.02).values(), make(0.02, broken=0.1).values(), strict=True):
        assert [good == bad for good, bad in zip(whole, broken, strict=True)].count(False) == round(0.1 * len(whole))
